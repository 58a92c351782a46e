"""Addresses of training."""

from django.urls import path

from training.views import datasets, loop, policies, run_live, runs

app_name = "training"
urlpatterns = [
    path("projects/<slug:project_slug>/loop/", loop.loop, name="loop"),
    path("projects/<slug:project_slug>/loop/live/", loop.loop_live, name="loop_live"),
    path("projects/<slug:project_slug>/loop/next/", loop.loop_next, name="loop_next"),
    path("projects/<slug:project_slug>/datasets/", datasets.datasets, name="datasets"),
    path("projects/<slug:project_slug>/datasets/freeze/", datasets.freeze, name="freeze"),
    path("datasets/<int:pk>/", datasets.dataset, name="dataset"),
    path("datasets/<int:pk>/files/<str:name>", datasets.dataset_file, name="dataset_file"),
    path("projects/<slug:project_slug>/runs/", runs.runs, name="runs"),
    path("projects/<slug:project_slug>/runs/new/<slug:stage>/", runs.run_new, name="run_new"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<int:pk>/publish/", runs.publish, name="publish"),
    path("runs/<int:pk>/live/", run_live.run_live, name="run_live"),
    path("runs/<int:pk>/metrics/", run_live.run_metrics, name="run_metrics"),
    path("runs/<int:pk>/log/", run_live.run_log, name="run_log"),
    path("projects/<slug:project_slug>/policies/", policies.policies, name="policies"),
    path("projects/<slug:project_slug>/policies/compare/", policies.compare_policies, name="compare_policies"),
    path("projects/<slug:project_slug>/policies/bases/", policies.add_base, name="add_base"),
    path("projects/<slug:project_slug>/policies/smollm2/", policies.take_smollm2, name="take_smollm2"),
    path("checkpoints/<int:pk>/promote/", policies.promote, name="promote"),
]
