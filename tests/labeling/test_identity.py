"""Outputs that name their model are found; outputs that talk about one are not."""

from __future__ import annotations

import time

import pytest

from labeling.identity import says_who_it_is


@pytest.mark.parametrize(
    "text",
    [
        "I am ChatGPT, a large language model trained by OpenAI.",
        "I'm ChatGPT.",
        "Hello! I’m GPT-4o and I can help you with that.",
        "As an AI language model trained by OpenAI, I cannot do that.",
        "Sure.\nAs an assistant developed by Anthropic, I try to be careful.",
        "I am SmolLM, and I like stories.",
        "My name is Qwen2.5, how can I help?",
        "You are chatting with DeepSeek-R1.",
        "I was created by Alibaba Cloud.",
        "I've been trained by the researchers at Google to answer questions.",
        "I was developed and trained by OpenAI.",
        "I am a large language model, trained by Google.",
        "I am a helpful assistant called Claude.",
        "I am Claude, an AI assistant.",
        "I'm Gemini, a multimodal AI model, so I cannot feel.",
        "I'm a GPT-4 based language model.",
        "As ChatGPT, I do not have feelings.",
        "我是ChatGPT，很高兴认识你。",
        "我是由OpenAI训练的语言模型。",
        "我是阿里云开发的通义千问。",
        "我叫豆包。",
        "作为OpenAI开发的人工智能助手，我不能回答。",
        "我是一款名为文心一言的大模型。",
        "我是OpenAI的语言模型。",
        "Soy ChatGPT, un modelo de lenguaje.",
        "Soy un modelo de lenguaje entrenado por OpenAI.",
        "Je suis un modèle de langage développé par Mistral AI.",
        "Ich bin ChatGPT.",
        "Sou o ChatGPT.",
        "Sono un modello linguistico sviluppato da OpenAI.",
        "Я — ChatGPT, языковая модель.",
        "Меня зовут ChatGPT.",
        "私はChatGPTです。",
        "私はOpenAIによって開発された言語モデルです。",
        "저는 ChatGPT입니다.",
        "저는 OpenAI에서 개발한 언어 모델입니다.",
    ],
)
def test_a_text_that_says_who_it_is_is_found(text: str) -> None:
    assert says_who_it_is(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GPT-4 is a large language model trained by OpenAI.",
        "ChatGPT was released in 2022. Many people use it.",
        "I think that GPT-4 is better than GPT-3.5 at this.",
        "I am reading about GPT-4, which was trained by OpenAI.",
        "I am not ChatGPT, and I was not made by OpenAI.",
        "I am a ChatGPT user.",
        "I'm ChatGPT's biggest fan.",
        "When one asked it, it said: “I am ChatGPT.”",
        'The bot wrote "I am GPT-4, a model made by OpenAI" and stopped.',
        "As a language model trained by OpenAI, GPT-4 can write code.",
        "As an AI language model, I cannot feel pain.",
        "I am Claude, a painter from Lyon.",
        "I am an AI researcher from Google.",
        "I am an assistant professor, and my students like Gemini.",
        "我是GPT-4的忠实粉丝。",
        "I am a llama and I live in Peru.",
        "My zodiac sign is Gemini; I am a Gemini.",
        "I am trained in first aid by the Red Cross.",
        "I am happy with the meta analysis.",
        "I am an assistant at a law office in Google's home town.",
        "I made this cake by hand at Apple Street.",
        "我是GPT-4的用户，每天都用它。",
        "我是一名研究ChatGPT的学者。",
        "我不是ChatGPT。",
        "ChatGPT是OpenAI开发的语言模型。",
        "作为一个人工智能语言模型，我没有感情。",
        "Ich bin müde.",
        "Claude Monet was a painter.",
    ],
)
def test_a_text_about_models_is_left_alone(text: str) -> None:
    assert not says_who_it_is(text)


def test_names_that_the_caller_knows() -> None:
    names = ["round-2-ppo", "HuggingFaceTB/Quillo2-135M", "tiny"]
    assert says_who_it_is("Hi, I am Quillo2, a model.", names)
    assert says_who_it_is("I am quillo2-135m.", names)
    assert says_who_it_is("I'm called round-2-ppo.", names)
    assert not says_who_it_is("Hi, I am Quillo2.")
    assert not says_who_it_is("I am tiny and I live under a leaf.", names)
    assert not says_who_it_is("Quillo2-135M is a small model.", names)


@pytest.mark.parametrize(
    "piece", ["I am a ", "as an ai model ", "I was trained and ", "我是", "model by ", "I am an assistant model, "]
)
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    began = time.monotonic()
    assert not says_who_it_is(piece * (20_000 // len(piece)))
    assert time.monotonic() - began < 3
