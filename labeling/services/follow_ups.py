"""The later user turns of a prompt: an answer to the first makes the next prompt."""

from __future__ import annotations

from labeling.conversations import fingerprint
from labeling.models import Demonstration, Prompt, Round, RoundState, Task, TaskKind
from labeling.services.new_tasks import add_tasks


def ask_follow_up(answer: Demonstration) -> Prompt | None:
    """Make the prompt that follows an answer, and a task to write in the same round while that is open.

    The new prompt is the conversation so far, the answer, and the next user turn; it shares the key, so the split. Two
    labelers who gave the same answer share it. A later revision of the answer makes no further prompt: the turn
    that follows was written under what stood there. Returns None when the prompt has no later turn.
    """
    first = answer.prompt
    if not first.follow_ups:
        return None
    messages = [
        *first.model_messages,
        {"role": "assistant", "content": answer.text},
        {"role": "user", "content": first.follow_ups[0]},
    ]
    rest = list(first.follow_ups[1:])
    prompt, _created = Prompt.objects.get_or_create(
        project_id=first.project_id,
        sha256=fingerprint(messages, rest),
        defaults={
            "messages": messages,
            "follow_ups": rest,
            "continues": first,
            "source": first.source,
            "key": first.key,
            "split": first.split,
            "category": first.category,
            "language": first.language,
            "licence": first.licence,
            "skill": first.skill,
            "sensitive": first.sensitive,
            "external_id": first.external_id,
            "imported": first.imported,
        },
    )
    if answer.round_id is not None:
        _ask(prompt, answer.round_id)
    return prompt


def _ask(prompt: Prompt, round_pk: int) -> None:
    asked = Task.objects.filter(round=round_pk, prompt=prompt, kind=TaskKind.WRITE)
    if asked.exists():
        return
    # Locked as for any new tasks, so that two who gave the same answer follow each other, and closing waits.
    current = Round.objects.select_for_update(no_key=True).get(pk=round_pk)
    if current.state == RoundState.OPEN and not asked.exists():
        add_tasks(
            [Task(project_id=prompt.project_id, round=current, prompt=prompt, kind=TaskKind.WRITE)], round=current
        )
