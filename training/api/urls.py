"""API addresses of training."""

from django.urls import path

from training.api import views

urlpatterns = [
    path("projects/<slug:slug>/loop/", views.Loop.as_view(), name="api_loop"),
    path("projects/<slug:slug>/datasets/", views.ProjectDatasets.as_view(), name="api_datasets"),
    path("projects/<slug:slug>/runs/", views.ProjectRuns.as_view(), name="api_runs"),
    path("datasets/<int:pk>/", views.DatasetDetail.as_view(), name="api_dataset"),
    path("datasets/<int:pk>/files/<str:name>", views.DatasetFile.as_view(), name="api_dataset_file"),
    path("runs/<int:pk>/", views.RunDetail.as_view(), name="api_run"),
    path("runs/<int:pk>/cancel/", views.RunCancel.as_view(), name="api_run_cancel"),
    path("runs/<int:pk>/metrics/", views.RunMetrics.as_view(), name="api_run_metrics"),
    path("runs/<int:pk>/log/", views.RunLog.as_view(), name="api_run_log"),
    path("runs/<int:pk>/samples/", views.RunSamples.as_view(), name="api_run_samples"),
    path("runs/<int:pk>/publish/", views.RunPublish.as_view(), name="api_run_publish"),
    path("checkpoints/", views.Checkpoints.as_view(), name="api_checkpoints"),
    path("checkpoints/<int:pk>/promote/", views.CheckpointPromote.as_view(), name="api_checkpoint_promote"),
]
