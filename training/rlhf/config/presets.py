"""Settings that belong together, and the reason for each number. Standard library only.

    PRESETS[name][stage] -> values for that stage's config; what is not named keeps the config's default

"tiny" is for the story model that the project ships: measured, see docs/lab-notebook.md. "smollm2" is for
SmolLM2-135M on two cores. "instructgpt" is Ouyang et al. 2022, appendix C, as far as the paper gives numbers (the
1.3B and 6B policies); it wants GPUs.
"""

from __future__ import annotations

from collections.abc import Mapping

Setting = int | float | str | bool

TINY: Mapping[str, Mapping[str, Setting]] = {
    "sft": {
        # 130 to 200 demonstrations of 70 tokens: small steps, so that two thousand tokens make one.
        "batch_size": 16,
        # Some 27 updates: from 2.1 points to about what the writers themselves reach (3.2 to 3.6).
        "epochs": 3,
        # A sixth of the base's own peak: 2 M parameters take and need far more than the paper's 1e-5.
        "learning_rate": 5e-4,
        # The longest prompt of the grammar has 24 tokens, the longest story 110.
        "max_length": 192,
    },
    "generate": {
        # K = 4 from two policies: base and SFT differ, so that rankings compare what PPO must tell apart.
        "samples_per_prompt": 2,
        "max_prompt_length": 64,
        # A story that ends has 45 to 65 tokens; one that rambles is cut.
        "max_new_tokens": 72,
        "temperature": 1.0,
    },
    "reward": {
        "batch_size": 8,
        # The paper's single pass is for 33,000 prompts. Two passes over 192 order 0.75 to 0.79 of held-out pairs; four
        # order 0.90 of the training pairs and gain no more than noise on the others.
        "epochs": 2,
        "learning_rate": 5e-4,
        "max_length": 192,
    },
    "ppo": {
        "updates": 24,
        "episodes_per_update": 64,
        # Four steps of 16 episodes, each answer used once [InstructGPT: 8 of 64, once]: half the time of two passes.
        "minibatches": 4,
        "inner_epochs": 1,
        # One forward pass of 16 rows took a quarter less CPU time an answer than one of 32.
        "micro_batch_size": 16,
        "max_prompt_length": 64,
        "max_new_tokens": 72,
        # 0.1 to 0.2 % of tokens are clipped, so these are small steps; 3e-4 took an early base to a KL of 10.
        "learning_rate": 2e-4,
        # The value model must follow a score that rises by two points in a hundred steps.
        "value_learning_rate": 5e-4,
        # Scores spread over several points, so the usual 0.2 would tie the value model down.
        "value_clip": 1.0,
        "warmup_updates": 2,
        # The paper's beta; the KL ends at 4 to 9 nats a story of 60 tokens.
        "kl_coefficient": 0.02,
        # As much as a story gains by ending well.
        "missing_eos_penalty": 1.0,
    },
}

INSTRUCTGPT: Mapping[str, Mapping[str, Setting]] = {
    "sft": {
        # C.1: the SFT baseline; PPO starts from a separate one of 2 epochs with 10 % pretraining data mixed in.
        "epochs": 16,
        # C.1: 1.3B and 6B (the 175B model: 5.03e-6 with batches of 8).
        "learning_rate": 9.65e-6,
        "batch_size": 32,
        # C.1: cosine to a tenth, no warm-up.
        "min_learning_rate_share": 0.1,
        "warmup_steps": 0,
        # C: prompts up to 1k and answers up to 1k of a context of 2k.
        "max_length": 2048,
    },
    "generate": {"max_prompt_length": 1024, "max_new_tokens": 1024, "temperature": 1.0},
    "reward": {
        # C.2: more than one epoch overfits at once.
        "epochs": 1,
        "learning_rate": 9e-6,
        # C.2: 64 prompts, up to 2,304 pairs.
        "batch_size": 64,
        "min_learning_rate_share": 0.1,
        "max_length": 2048,
    },
    "ppo": {
        # C.4: 256k episodes in batches of 512.
        "updates": 500,
        "episodes_per_update": 512,
        # C.4: eight minibatches of 64, one inner epoch.
        "minibatches": 8,
        "inner_epochs": 1,
        "max_prompt_length": 1024,
        "max_new_tokens": 1024,
        "temperature": 1.0,
        # Ours: the paper does not give the final one; above 8.05e-6 its sweep diverged without pretraining data.
        "learning_rate": 5e-6,
        # C.4: the 6B value model.
        "value_learning_rate": 9e-6,
        # C.4: constant after 10 iterations from a tenth.
        "warmup_updates": 10,
        # C.4 and E.6: 0.01 to 0.02 did best.
        "kl_coefficient": 0.02,
        "clip": 0.2,
        # C.4: no discount. Lambda is not in the paper; 0.95 is that of its code's ancestor (Stiennon et al. 2020).
        "gamma": 1.0,
        "gae_lambda": 0.95,
    },
}

SMOLLM2: Mapping[str, Mapping[str, Setting]] = {
    # A small chat model that is good already: short runs and small steps, so that two cores finish while one waits.
    "sft": {"batch_size": 8, "epochs": 2, "learning_rate": 2e-5, "max_length": 256},
    "generate": {"samples_per_prompt": 2, "max_prompt_length": 192, "max_new_tokens": 64, "batch_size": 32},
    "reward": {"batch_size": 8, "epochs": 1, "learning_rate": 2e-5, "max_length": 256},
    "ppo": {
        "updates": 8,
        "episodes_per_update": 32,
        "minibatches": 2,
        "inner_epochs": 1,
        # 135 M parameters in float32, twice, with Adam: small pieces keep the peak below 8 GB.
        "micro_batch_size": 8,
        "max_prompt_length": 192,
        "max_new_tokens": 64,
        "learning_rate": 2e-6,
        "value_learning_rate": 1e-5,
    },
}

PRESETS: Mapping[str, Mapping[str, Mapping[str, Setting]]] = {
    "tiny": TINY,
    "smollm2": SMOLLM2,
    "instructgpt": INSTRUCTGPT,
}
