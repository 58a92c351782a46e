import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0012_written_prompts"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "revision",
                    models.PositiveSmallIntegerField(help_text="The revision of the answer that was reviewed."),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[("approved", "approved"), ("edited", "edited"), ("sent_back", "sent back")],
                        max_length=12,
                    ),
                ),
                (
                    "score",
                    models.PositiveSmallIntegerField(blank=True, help_text="1 to 7, of a demonstration.", null=True),
                ),
                ("comment", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.CreateModel(
            name="ThreadMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "seen_at",
                    models.DateTimeField(blank=True, help_text="When the labeler first saw an answer.", null=True),
                ),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddField(
            model_name="review",
            name="assignment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reviews", to="labeling.assignment"
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="reviewer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reviews_given", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="threadmessage",
            name="assignment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="thread", to="labeling.assignment"
            ),
        ),
        migrations.AddField(
            model_name="threadmessage",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="review", index=models.Index(fields=["assignment", "-created_at"], name="review_of_assignment")
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["approved", "edited", "sent_back"])), name="review_verdict_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "sent_back"), _negated=True), ("comment__regex", "\\S"), _connector="OR"
                ),
                name="review_sent_back_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(("score", None), models.Q(("score__gte", 1), ("score__lte", 7)), _connector="OR"),
                name="review_score_1_to_7",
            ),
        ),
        migrations.AddConstraint(
            model_name="threadmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("text__regex", "\\S")), name="thread_message_not_empty"
            ),
        ),
    ]
