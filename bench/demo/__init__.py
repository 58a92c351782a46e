"""The loop without hands: simulated labelers and a simulated researcher use the platform through its HTTP API.

    python -m bench.demo [--model tiny|smollm2] [--seed 0] [--var var/demo]

Everything the demo learns about the platform it learns through the API, as any other program would. From the code
base it takes only the story grammar with its oracle (`training.rlhf.stories`, standard library only), which plays
the people. See docs/demo.md.
"""
