#!/usr/bin/env python3
"""Writes cases.json: chat templates, what is put into them, and what they render to.

    python3 -m venv venv && venv/bin/pip install jinja2 && venv/bin/python make.py

The expected texts come from Jinja2, set up as `transformers` sets it up for chat templates;
the templates are written for this file, in the shapes that are in use.
"""

import datetime
import json
import pathlib

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = """{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

LLAMA = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "no date" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|header|>system<|end_header|>\\n\\n" }}
{{- "Today is " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {{- "Functions:\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot|>" }}
{%- for message in messages %}
    {{- '<|header|>' + message['role'] + '<|end_header|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|header|>assistant<|end_header|>\\n\\n' }}
{%- endif %}
"""

QWEN = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning = '' %}
        {%- if message.reasoning is defined and message.reasoning is not none %}
            {%- set reasoning = message.reasoning %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or reasoning) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

GEMMA = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Roles must alternate user/model") }}
    {%- endif -%}
    {%- if message['role'] == 'assistant' -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}{{ item['text'] | trim }}{%- endfor -%}
    {%- else -%}
        {{ raise_exception("Unsupported content") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
"""

MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[TOOLS][" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported") }}
    {%- endif %}
{%- endfor %}
"""

MACROS = """{%- macro turn(role, content, last=false) -%}
<{{ role|upper }}>{{ content|trim }}{% if not last %}

{% endif %}
{%- endmacro -%}
{%- for m in messages %}{{ turn(m.role, m.content, last=loop.last) }}{% endfor -%}
{%- if add_generation_prompt %}<ASSISTANT>{% endif %}"""

# One feature a line: rendered with `messages`, `tools`, bos_token and eos_token.
FEATURES = [
    "{{ true }} {{ false }} {{ none }} {{ missing }} {{ 1 }} {{ 1.0 }} {{ 1e20 }} {{ 0.1 }} {{ -3 }}",
    "{{ [1, 'a', \"it's\", none, true, 1.5, ['x\\n']] }}",
    "{{ {'b': 1, 'a': [2, {'z': none}]} }}",
    "{{ {'b': 1, 'a': 2}|tojson }} {{ [1, 2.5, 'é\"\\\\', none, true]|tojson }}",
    "{{ {'b': [1, 2], 'a': {}, 'c': []}|tojson(indent=2) }}",
    "{{ {'b': 1, 'a': 'é'}|tojson(sort_keys=true, ensure_ascii=true) }}",
    "{{ {'b': 1, 'a': 2}|tojson(separators=(',', ':')) }}",
    "{{ 'a<b>&\\'c'|tojson }}",
    "{{ 'abcdef'[1:3] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[-2:] }} {{ 'abcdef'[0] }}",
    "{{ [1, 2, 3, 4][::2] }} {{ [1, 2, 3, 4][-3:-1] }} {{ ([1, 2] + [3])|length }} {{ [0] * 3 }}",
    "{{ 'a' ~ 1 ~ none ~ true ~ 1.5 }} {{ 'ab' * 3 }} {{ 7 // 2 }} {{ 7 % 3 }} {{ 2 ** 3 }} {{ 1 + 2 * 3 }}",
    "{{ 'x' in 'xyz' }} {{ 'q' not in ['q'] }} {{ 'role' in messages[0] }} {{ 1 == 1.0 }} {{ 'a' < 'b' }}",
    "{{ messages|map(attribute='role')|join(', ') }} {{ messages|length }} {{ messages|last }}",
    "{{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ messages|rejectattr('role', 'eq', 'user')|map(attribute='content')|list }}",
    "{{ ' a b '|trim }}|{{ ' a '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xxa'.lstrip('x') }}|{{ 'a\\n'.rstrip() }}",
    "{{ 'a-b-c'.split('-') }} {{ 'a-b-c'.split('-', 1) }} {{ 'a b'.split() }} {{ 'aXb'.lower() }} {{ 'ab'.upper() }} {{ 'ab cd'.title() }}",
    "{{ 'a.b.c'.replace('.', '/') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'hello'.startswith('he') }} {{ 'hello'.endswith('x') }} {{ 'hello'.find('l') }}",
    "{{ ', '.join(['a', 'b']) }} {{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b', 'd') }} {{ {'a': 1, 'b': 2}.keys()|list }} {{ {'a': 1}.items()|list|length }}",
    "{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a\\nb'|indent(3, true) }}",
    "{{ missing|default('d') }} {{ ''|default('e', true) }} {{ 'x'|default('y') }} {{ '3'|int + 1 }} {{ 3.7|round }} {{ [3, 1, 2]|sort|join }}",
    "{{ 'yes' if messages else 'no' }} {{ 'a' if false }} {{ missing is defined }} {{ none is none }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ 3 is odd }}",
    "{% set ns = namespace(n=0, s='') %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.s = ns.s ~ m.role[0] %}{% endfor %}{{ ns.n }}{{ ns.s }}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i > 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for k, v in {'b': 1, 'a': 2}.items() %}{{ loop.index }}{{ k }}={{ v }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{{ v }}{% endfor %} {% for m in messages if m.role == 'user' %}{{ m.content|length }}{% else %}none{% endfor %}",
    "{% set x %}captured {{ 1 + 1 }}{% endset %}[{{ x }}] {% set a, b = (1, 2) %}{{ a }}{{ b }} {% set c = dict(k='v') %}{{ c.k }}",
    "{% filter upper %}quiet{% endfilter %} {% with y = 3 %}{{ y }}{% endwith %} {% raw %}{{ raw }}{% endraw %} {# gone #}",
    "  {% if true %}\n  kept\n  {% endif %}\n\nend\n",
    "{{- bos_token -}}\n\n  x  {{- ' ' ~ eos_token }}\n",
    "{% macro f(a, b='d') %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(1, b=2) }}{{ f(3)|upper }}",
    "{% for m in messages %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ (loop.previtem.role if loop.previtem is defined) }};{% endfor %}",
    "{{ (messages[0].content ~ '')|length }} {{ 'é日本🔑'|length }} {{ 'é日本🔑'[::-1] }} {{ 'ß'|upper }} {{ 'a' ~ 'b' if true else 'c' }}",
    "{{ tools|tojson if tools else 'no tools' }} {{ tools is none }} {{ documents is none }} {{ (tools or [])|length }}",
    "{{ 'abc'|list }} {{ 'abc'|first }} {{ [1,2]|last }} {{ [1, 2, 3]|sum }} {{ [2, 1]|max }} {{ ['b', 'a']|min }} {{ [1, 1, 2]|unique|list }} {{ [1, 2]|reverse|list }}",
    "{{ not true }} {{ true and 'x' }} {{ '' or 'y' }} {{ 1 != 2 }} {{ [1] == [1] }} {{ {'a': 1} == {'a': 1} }} {{ 3 >= 3 }}",
]

USER = [{"role": "user", "content": " What is 2 + 2? \n"}]
SYSTEM = [{"role": "system", "content": "Be brief."}] + USER
LONG = SYSTEM + [
    {"role": "assistant", "content": "<think>\nadd\n</think>\n\n4"},
    {"role": "user", "content": "Und 3 × 3, \"bitte\"? <b>&amp;</b> 日本 🔑"},
]
ANSWERED = LONG + [{"role": "assistant", "content": "<think>\nmultiply\n</think>\n\n9"}]
WRONG = USER + USER
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather; \"now\" or <later>.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 7, "default": 1.5}},
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "clock", "description": "Zeit für dich", "parameters": {}}},
]


def sort_keys(value):
    """Objects in `tools` are shown with sorted keys: the canonical form of the request."""
    if isinstance(value, dict):
        return {key: sort_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sort_keys(item) for item in value]
    return value


class Refused(Exception):
    pass


def render(template, messages, tools, date, add_generation_prompt):
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])

    def raise_exception(message):
        raise Refused(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def strftime_now(format):
        return datetime.date.fromisoformat(date).strftime(format)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = strftime_now
    context = {
        "messages": messages,
        "tools": sort_keys(tools),
        "documents": None,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "add_generation_prompt": add_generation_prompt,
    }
    if date:
        context["date_string"] = datetime.date.fromisoformat(date).strftime("%d %b %Y")
    return env.from_string(template).render(**context)


def main():
    cases = []

    def case(name, template, messages, tools=None, date=None, add_generation_prompt=True):
        entry = {
            "name": name,
            "template": template,
            "messages": messages,
            "tools": tools,
            "date": date,
            "addGenerationPrompt": add_generation_prompt,
        }
        try:
            entry["text"] = render(template, messages, tools, date, add_generation_prompt)
        except Refused as refusal:
            entry["refused"] = str(refusal)
        cases.append(entry)

    shapes = {
        "chatml": CHATML,
        "llama": LLAMA,
        "qwen": QWEN,
        "gemma": GEMMA,
        "mistral": MISTRAL,
        "macros": MACROS,
    }
    for shape, template in shapes.items():
        date = "2024-07-26" if shape == "llama" else None
        case(f"{shape}-user", template, USER, date=date)
        case(f"{shape}-system", template, SYSTEM, date=date)
        case(f"{shape}-long", template, LONG, date=date, add_generation_prompt=False)
        case(f"{shape}-answered", template, ANSWERED, date=date, add_generation_prompt=False)
        case(f"{shape}-tools", template, LONG, tools=TOOLS, date=date)
    case("gemma-wrong-roles", GEMMA, WRONG)
    case("mistral-wrong-role", MISTRAL, [{"role": "tool", "content": "x"}])
    for i, template in enumerate(FEATURES):
        case(f"feature-{i:02}", template, LONG, tools=TOOLS if i % 2 else None)
    document = {"generatedBy": "vectors/template/make.py", "count": len(cases), "cases": cases}
    path = pathlib.Path(__file__).with_name("cases.json")
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


main()
