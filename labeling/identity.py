"""Outputs that say which model wrote them: a labeler who reads "I am ChatGPT" no longer judges blindly.

What counts is a claim in the first person: *I am NAME*, *my name is NAME*, *I was trained by MAKER*, *as an assistant
made by MAKER, I …*, in the languages of `_SELF`. A text that talks about a model, quotes one, or says that it is none
names nobody. Names that are words of their own (Claude, Gemini, Falcon, Llama) count only beside a word such as model,
assistant or AI, so that a story may have a painter called Claude.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

_NAMES = r"""
    chat\s?gpt(?:[-\s]?[\d.]+[a-z]?)? gpt[-\s]?\d[a-z\d.]*(?:-(?:turbo|mini|nano))? instructgpt text-davinci-\d+
    smollm\d* tinyllama code\s?llama llama[-\s]?\d[\d.]* qwen[\d.]* deepseek(?:-[a-z]\d?)? chatglm\d*
    glm-\d[\d.]* internlm\d* baichuan\d* doubao ernie\s?bot mixtral mistral[-\s]?\d[a-z]* gemma[-\s]?\d+
    phi-\d[\d.]* claude[-\s]?\d[\d.]* gemini[-\s](?:\d[\d.]*|pro|ultra|nano) vicuna openassistant starcoder\d*
    pythia-\d+[a-z]? bloomz stablelm\d* grok-\d[\d.]* 通义千问 千问 文心一言 豆包 智谱清言 讯飞星火 百川 混元
"""
"""Nobody else is called like this (patterns, with a blank between them)."""

_WORDS = r"""
    claude gemini bard falcon llama alpaca koala dolly mistral phi gemma grok copilot kimi bloom pythia yi orca
    zephyr nova pi bing siri alexa
"""
"""These are words, animals and people too: they count only beside a word of `_KINDS`."""

_MAKERS = r"""
    open\s?ai anthropic google(?:\sdeepmind)? deepmind meta(?:\sai)? mistral(?:\sai)? microsoft xai
    alibaba(?:\scloud)? baidu bytedance tencent zhipu(?:\sai)? moonshot(?:\sai)? deepseek hugging\s?face
    stability(?:\sai)? eleutherai lmsys cohere databricks nvidia inflection(?:\sai)? 01\.ai bigscience 阿里云
    阿里巴巴 百度 字节跳动 腾讯 智谱(?:ai)? 月之暗面 深度求索 科大讯飞 讯飞 商汤(?:科技)? 谷歌 微软
"""

_KINDS = r"""
    language\smodel large\smodel ai\b artificial\sintelligence assistant chat\s?bot model\b modelo asistente
    assistente inteligencia\sartificial inteligência\sartificial mod[eè]le modello intelligenza\sartificiale
    intelligence\sartificielle sprachmodell ki\b assistent модель ассистент помощник ии\b 语言模型 大模型 模型
    助手 人工智能 机器人 言語モデル アシスタント 人工知能 언어\s모델 어시스턴트 인공지능
"""

_REST = r"[^.!?。！？\n\"“”„«»「」]"
"""Anything within a sentence and outside of quotation marks."""

_SELF = (
    r"\bi\s?(?:['’]m|\s?am)\s+(?:actually\s+|really\s+|just\s+|called\s+|named\s+|known as\s+)?",
    r"\bmy name(?:\s+is|['’]s)\s+",
    r"\byou(?:['’]re|\s+are)\s+(?:talking|chatting|speaking)\s+(?:to|with)\s+",
    r"\b(?:yo\s+)?soy\s+|\bme llamo\s+|\bmi nombre es\s+",
    r"\bje\s+suis\s+|\bje m['’]appelle\s+|\bmon nom est\s+",
    r"\bich\s+(?:bin|heiße|heisse)\s+|\bmein name ist\s+",
    r"\b(?:eu\s+)?sou\s+(?:o\s+|a\s+)?|\bmeu nome é\s+",
    r"\b(?:io\s+)?sono\s+|\bmi chiamo\s+|\bil mio nome è\s+",
    r"\bя\s*(?:[-—–]\s*)?|\bменя зовут\s+|\bмо[её] имя\s*(?:[-—–]\s*)?",
    r"我(?:就)?是(?:一个|一款|一名)?\s*(?:名为|叫做?)?\s*|我叫(?:做)?\s*|我的名字(?:是|叫)\s*",
    r"(?:私|わたし|僕)(?:の名前)?は、?\s*",
    r"(?:저는|나는|제 이름은)\s*",
)
"""How somebody begins to say who they are: English, Spanish, French, German, Portuguese, Italian, Russian, Chinese,
Japanese, Korean."""

_AS = (
    r"(?:as|being)\s+(?:an?\s+|your\s+)?",
    r"como\s+(?:un\s+|uma?\s+)?",
    r"en tant que?\s+",
    r"als\s+(?:ein(?:e[sr]?)?\s+)?",
    r"in quanto\s+",
    r"как\s+",
    r"作为(?:一个|一款|一名|由)?",
)
_I = r"(?:\bi\b|\bmy\b|\byo\b|\bno\s+\w+o\b|\bje\b|\bj['’]|\bich\b|\beu\b|\bio\b|\bя\b|我)"
_MADE = (
    r"(?:created|trained|developed|made|built|designed|fine-?tuned|powered|released|introduced)(?:\s+and\s+\w+)?\s+by",
    r"(?:cread|entrenad|desarrollad|hech)[oa]\s+por",
    r"(?:criad|treinad|desenvolvid|feit)[oa]\s+(?:pela|pelo|por)",
    r"(?:créé|entraîné|développé|conçu)e?\s+par",
    r"(?:creat|addestrat|sviluppat)[oa]\s+da(?:lla)?",
    r"(?:созда|обуче|разработа)н\w*(?:\s+компанией)?",
)
_MADE_IN_CHINESE = r"(?:开发|训练|研发|推出|创建|创造|打造|设计|研制)"

# A quotation mark right before it makes somebody else say it.
_START = r"(?<![\"“„«「『‘'])"
_NOT_OF_IT = (
    r"(?!['’]s\b)(?!\s*(?:users?|fans?|developers?|engineers?|experts?|researchers?)\b)"
    r"(?!\s*的(?!{rest}{{0,12}}{kind}))"
)


def says_who_it_is(text: str, names: Collection[str] = ()) -> bool:
    """Whether the text says in the first person which model it is, or who made it.

    `names` are further names that give a model away: of checkpoints and of what they were trained from. Plain words
    among them ("tiny") are passed over: "I am tiny" says nothing.
    """
    mention, *claims = _patterns(tuple(sorted(set(names))))
    # Most texts name nobody, and to see that is cheap.
    return mention.search(text) is not None and any(claim.search(text) for claim in claims)


@lru_cache(maxsize=64)
def _patterns(names: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return the pattern of any mention of a model or maker, then those of the claims."""
    own = [re.escape(part) for name in names for part in _parts(name)]
    certain = _any(sorted({*own, *_NAMES.split()}, key=len, reverse=True))
    word, makers, kind = (_any(names.split()) for names in (_WORDS, _MAKERS, _KINDS))
    self, made = _any(_SELF), _any(_MADE)
    end = r"(?![a-z0-9])"
    of_it = _NOT_OF_IT.format(rest=_REST, kind=kind)
    kind_before = rf"(?:an?\s+|un[ea]?\s+|eine?\s+|the\s+|your\s+)?{_REST}{{0,60}}?{kind}{_REST}{{0,40}}?"
    sources = (
        rf"{certain}|{makers}|\b{word}{end}",
        # I am NAME
        rf"{_START}{self}{certain}{end}{of_it}",
        # I am a NAME model
        rf"{_START}{self}(?:an?|the|your)\s+(?:\w+\s+)?{certain}(?:-based)?\s+(?:\w+\s+){{0,2}}?{kind}",
        # I am an assistant called NAME; I am a model made by MAKER
        rf"{_START}{self}{kind_before}(?:called|named|known as|llamado|appelé|namens|chamado|chiamato|名为|叫做?)\s*"
        rf"(?:{certain}|{word}){end}",
        rf"{_START}{self}{kind_before}\b{made}\s+(?:the\s+|la\s+|la\s+société\s+)?(?:\w+\s+){{0,3}}?{makers}{end}",
        # I am Claude, an AI …
        rf"{_START}{self}{word}{end}(?:\s+[\d.]+)?\s*[,(—–，-]\s*{_REST}{{0,40}}?{kind}",
        # I was trained by MAKER
        rf"{_START}\bi(?:['’]m|['’]ve been|\s+am|\s+was|\s+have been)\s+(?:\w+ly\s+)?"
        rf"{made}\s+(?:\w+\s+){{0,3}}?{makers}{end}",
        # As an assistant made by MAKER, I … / As NAME, I …
        rf"(?:^|[.!?。！？\n]\s*){_any(_AS)}{_REST}{{0,60}}?{kind}{_REST}{{0,40}}?{made}\s+(?:\w+\s+){{0,3}}?{makers}{end}"
        rf"{_REST}{{0,80}}?{_I}",
        rf"(?:^|[.!?。！？\n]\s*){_any(_AS)}{certain}{end}{_REST}{{0,40}}?{_I}",
        # 我是由 MAKER 训练的…，我是 MAKER 开发的 NAME，作为 MAKER 开发的…
        rf"{_START}(?:我(?:就)?是|我由|作为)(?:一个|一款|一名)?(?:由|来自|基于)?\s*(?:{makers}|{certain})"
        rf"{_REST}{{0,8}}?(?:{_MADE_IN_CHINESE}|的{_REST}{{0,12}}?{kind})",
        # 私は OpenAI によって開発された…；저는 OpenAI 에서 개발한…
        rf"{_START}(?:私|わたし|僕)は、?\s*{makers}\s*(?:が|によって|に)\s*(?:開発|訓練|作成|作ら)",
        rf"{_START}(?:저는|나는)\s*{makers}\s*(?:에서|가|이|에 의해)\s*(?:개발|훈련|만든|만들)",
    )
    return tuple(re.compile(source, re.IGNORECASE) for source in sources)


def _any(sources: Collection[str]) -> str:
    return f"(?:{'|'.join(sources)})"


def _parts(name: str) -> list[str]:
    """Return what of a checkpoint's name or hub id gives it away: ``SmolLM2-135M-Instruct`` and ``SmolLM2``."""
    last = name.strip().rstrip("/").rsplit("/", 1)[-1]
    return [part for part in dict.fromkeys([last, last.split("-")[0]]) if _telling(part)]


def _telling(part: str) -> bool:
    """Whether a name cannot be an ordinary word: it has a digit, a sign, or a capital inside."""
    return len(part) >= 4 and bool(re.search(r"[\d_-]|(?<=\w)[A-Z]", part))
