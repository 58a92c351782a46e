"""Addresses of labeling."""

from django.urls import path

from labeling.views import (
    ahead,
    before_submit,
    guidelines,
    memberships,
    my_work,
    projects,
    prompt_requests,
    prompts,
    review,
    tasks,
    threads,
    work,
)

app_name = "labeling"
urlpatterns = [
    path("", work.work, name="work"),
    path("work/<slug:project_slug>/next/<str:kind>/", work.next_task, name="next_task"),
    path("tasks/<uuid:token>/", tasks.task, name="task"),
    path("tasks/<uuid:token>/draft/", tasks.task_draft, name="task_draft"),
    path("tasks/<uuid:token>/submit/", tasks.task_submit, name="task_submit"),
    path("tasks/<uuid:token>/ready/", ahead.task_ready, name="task_ready"),
    path("tasks/<uuid:token>/review/", before_submit.task_review, name="task_review"),
    path("tasks/<uuid:token>/rows/", before_submit.task_rows, name="task_rows"),
    path("tasks/<uuid:token>/skip/", tasks.task_skip, name="task_skip"),
    path("tasks/<uuid:token>/thread/", threads.thread, name="thread"),
    path("preview/", tasks.preview, name="preview"),
    path("my-work/", my_work.my_work, name="my_work"),
    path("my-work/answers/<int:pk>/", my_work.demonstration, name="my_demonstration"),
    path("my-work/comparisons/<int:pk>/", my_work.comparison, name="my_comparison"),
    path("sensitive-content/", memberships.sensitive_content, name="sensitive_content"),
    path("review/", review.review_list, name="review"),
    path("review/<int:pk>/", review.review_one, name="review_one"),
    path("review/<int:pk>/edit/", review.edit, name="review_edit"),
    path("review/<int:pk>/thread/", threads.reply, name="review_reply"),
    path("questions/", threads.questions, name="questions"),
    path("projects/", projects.project_list, name="project_list"),
    path("projects/new/", projects.project_new, name="project_new"),
    path("projects/<slug:project_slug>/open/", work.project_switch, name="project_switch"),
    path("projects/<slug:project_slug>/settings/", projects.project_settings, name="project_settings"),
    path("projects/<slug:project_slug>/guidelines/", guidelines.guidelines, name="guidelines"),
    path("projects/<slug:project_slug>/guidelines/history/", guidelines.guidelines_history, name="guidelines_history"),
    path("projects/<slug:project_slug>/members/", projects.project_members, name="project_members"),
    path("projects/<slug:project_slug>/members/qualify/", memberships.qualify, name="qualify"),
    path("projects/<slug:project_slug>/prompts/", prompts.prompts, name="prompts"),
    path("projects/<slug:project_slug>/prompts/import/", prompts.prompt_import, name="prompt_import"),
    path("projects/<slug:project_slug>/prompts/ask/", prompt_requests.ask_for_prompts, name="ask_for_prompts"),
    path("projects/<slug:project_slug>/prompts/<int:pk>/", prompts.prompt, name="prompt"),
    path(
        "projects/<slug:project_slug>/prompts/<int:pk>/sensitive/",
        prompt_requests.prompt_sensitive,
        name="prompt_sensitive",
    ),
]
