"""API addresses of labeling."""

from django.urls import path

from labeling.api import exchange, guidelines, judgement_forms, members, overview, projects, prompts, review, work

_PROJECT = "projects/<slug:slug>/"
_ASSIGNMENT = "assignments/<uuid:token>/"

urlpatterns = [
    path("projects/", projects.ProjectsView.as_view(), name="api_projects"),
    path(_PROJECT, projects.ProjectView.as_view(), name="api_project"),
    path(f"{_PROJECT}guidelines/", guidelines.GuidelinesView.as_view(), name="api_guidelines"),
    path(
        f"{_PROJECT}guidelines/versions/",
        guidelines.GuidelinesVersionsView.as_view(),
        name="api_guidelines_versions",
    ),
    path(f"{_PROJECT}judgement-form/", judgement_forms.JudgementFormView.as_view(), name="api_judgement_form"),
    path(f"{_PROJECT}members/", members.MembersView.as_view(), name="api_members"),
    path(f"{_PROJECT}membership/", members.MyMembershipView.as_view(), name="api_my_membership"),
    path(f"{_PROJECT}prompts/", projects.PromptsView.as_view(), name="api_prompts"),
    path(f"{_PROJECT}imports/", projects.ImportsView.as_view(), name="api_imports"),
    path(f"{_PROJECT}rounds/", projects.RoundsView.as_view(), name="api_rounds"),
    path(f"{_PROJECT}rounds/<int:number>/close/", projects.CloseRoundView.as_view(), name="api_close_round"),
    path(f"{_PROJECT}tasks/write/", projects.WriteTasksView.as_view(), name="api_write_tasks"),
    path(f"{_PROJECT}tasks/prompt/", prompts.PromptTasksView.as_view(), name="api_prompt_tasks"),
    path(f"{_PROJECT}prompts/<int:pk>/sensitive/", prompts.SensitiveView.as_view(), name="api_prompt_sensitive"),
    path(f"{_PROJECT}next/", work.NextView.as_view(), name="api_next"),
    path(_ASSIGNMENT, work.AssignmentView.as_view(), name="api_assignment"),
    path(f"{_ASSIGNMENT}ready/", work.ReadyView.as_view(), name="api_ready"),
    path(f"{_ASSIGNMENT}draft/", work.DraftView.as_view(), name="api_draft"),
    path(f"{_ASSIGNMENT}demonstration/", work.DemonstrationView.as_view(), name="api_demonstration"),
    path(f"{_ASSIGNMENT}prompt/", prompts.WrittenPromptView.as_view(), name="api_written_prompt"),
    path(f"{_ASSIGNMENT}comparison/", work.ComparisonView.as_view(), name="api_comparison"),
    path(f"{_ASSIGNMENT}skip/", work.SkipView.as_view(), name="api_skip"),
    path(f"{_ASSIGNMENT}thread/", exchange.ThreadView.as_view(), name="api_thread"),
    path(f"{_ASSIGNMENT}reviews/", exchange.FeedbackView.as_view(), name="api_feedback"),
    path(f"{_ASSIGNMENT}revisions/", exchange.RevisionsView.as_view(), name="api_revisions"),
    path("my-work/figures/", exchange.FiguresView.as_view(), name="api_figures"),
    path("review/", review.ReviewsView.as_view(), name="api_reviews"),
    path("review/<int:pk>/", review.ReviewView.as_view(), name="api_review"),
    path("review/<int:pk>/edit/", review.ReviewEditView.as_view(), name="api_review_edit"),
    path("review/<int:pk>/thread/", review.ReplyView.as_view(), name="api_review_reply"),
    path("questions/", review.QuestionsView.as_view(), name="api_questions"),
    path("work/", overview.WorkView.as_view(), name="api_work"),
    path("preview/", overview.PreviewView.as_view(), name="api_preview"),
    path("my-work/", work.MyWorkView.as_view(), name="api_my_work"),
]
