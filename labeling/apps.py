from django.apps import AppConfig


class LabelingConfig(AppConfig):
    name = "labeling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.services import arrivals
        from labeling import audit
        from labeling.services import projects

        arrivals.register(
            arrivals.Projects(refuse_unknown=projects.refuse_unknown_projects, join=projects.join_projects)
        )
        audit.register()
