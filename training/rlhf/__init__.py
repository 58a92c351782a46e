"""``training.rlhf``: InstructGPT's recipe as a small library, usable without the web application.

Every stage is ``python -m training.rlhf.STAGE RUN_DIR`` and reads ``RUN_DIR/config.json``.
Import from the modules directly; this file stays empty so that the plain types (`config`,
`records`, `rundir`) load without torch.
"""
