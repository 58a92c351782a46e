"""``training.rlhf``: InstructGPT's recipe as a small library, usable without the web application.

Every stage is ``python -m training.rlhf.STAGE RUN_DIR`` and reads ``RUN_DIR/config.json``.
Import from the modules directly; nothing is imported here, so that the plain types (`config`,
`records`, `rundir`) load without torch.
"""

import os

# Read once, when huggingface_hub is first imported. What is trained here, and on what, is nobody else's business.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
