"""Expected values of chat templates: what Hugging Face's transformers makes of public templates and of small ones
that use one construct each, with the clock fixed.

    python tools/golden/chat_templates.py ../shared/vectors/chat-templates tokenizer/src/test/resources/clearhead/tokenizer/template

Writes public.json (chats, and for each template and chat the text, or that it refuses) and small.json.
"""

import datetime
import json
import pathlib
import sys

import jinja2
import transformers
from transformers.utils.chat_template_utils import _compile_jinja_template

NOW = datetime.datetime(2026, 3, 4, 5, 6, 7)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "City and country, e.g. \"Köln, DE\""},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit of the answer"},
                "days": {"type": "integer", "description": "How many days", "default": 1},
            },
            "required": ["location"],
        },
        "return": {"type": "object", "description": "Temperature and words"},
    },
}
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "What time it is <now> & here.",
        "parameters": {"type": "object", "properties": {}, "required": []},
    },
}
CALL = {"id": "call12345", "type": "function",
        "function": {"name": "get_weather", "arguments": {"location": "Köln, DE", "days": 2}}}

SYSTEM = {"role": "system", "content": "You are kind.\nYou answer briefly."}
USER = {"role": "user", "content": "  Hi there! What's \"up\"? 你好 🙂 "}
ASSISTANT = {"role": "assistant", "content": "All well."}

CHATS = {
    "user": {"messages": [USER], "add_generation_prompt": True},
    "user, no prompt": {"messages": [USER], "add_generation_prompt": False},
    "system": {"messages": [SYSTEM, USER], "add_generation_prompt": True},
    "turns": {"messages": [SYSTEM, USER, ASSISTANT, {"role": "user", "content": "And you?"}],
              "add_generation_prompt": True},
    "turns ended": {"messages": [USER, ASSISTANT], "add_generation_prompt": False},
    "thinking": {"messages": [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nFine."},
                              {"role": "user", "content": "Good."}], "add_generation_prompt": True},
    "wrong order": {"messages": [ASSISTANT, USER, USER], "add_generation_prompt": True},
    "tools": {"messages": [SYSTEM, USER], "tools": [WEATHER, CLOCK], "add_generation_prompt": True},
    "tools, user": {"messages": [USER], "tools": [WEATHER], "add_generation_prompt": True},
    "call": {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
             "tools": [WEATHER], "add_generation_prompt": False},
    "call without content": {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}],
                             "tools": [WEATHER], "add_generation_prompt": False},
    "answer": {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                            {"role": "tool", "name": "get_weather", "tool_call_id": "call12345",
                             "content": "{\"celsius\": 7.5}"}],
               "tools": [WEATHER, CLOCK], "add_generation_prompt": True},
    "answer as a value": {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                                       {"role": "tool", "name": "get_weather", "tool_call_id": "call12345",
                                        "content": {"celsius": 7.5, "words": ["wet", "cold"]}}],
                          "tools": [WEATHER], "add_generation_prompt": True},
    "empty": {"messages": [], "add_generation_prompt": True},
}

SMALL = [
    # spaces and lines
    "a\n{% if true %}\n  b\n{% endif %}\nc\n",
    "a\n   {%- if true -%}   b   {%- endif -%}\n c",
    "a {% if true +%}\n b{% endif %} c\n\n",
    "  {%+ if true %} x{% endif %}\n\n{# gone #}\ny {#- gone -#} z",
    "{{ 1 }}\n{{ 2 }}\n",
    "{% raw %}{{ not }} {% if %}{% endraw %}|",
    "x{% set a = 1 %}\n\n\t{% set b = 2 %}\ny",
    # literals and printing
    "{{ 1 }} {{ 1.5 }} {{ 1e20 }} {{ 1e-5 }} {{ 100000.0 }} {{ true }} {{ none }} {{ 'a' 'b' }} {{ \"it's\" }}",
    "{{ [1, 'a', none, true, 2.0, \"it's\", 'q\"q', 'n\\nl'] }} {{ {'a': 1, 'b': [2]} }} {{ (1, 2)|list }}",
    "{{ undefined_thing }}|{{ undefined_thing is defined }}|{{ undefined_thing or 'x' }}|{{ 'a' ~ undefined_thing }}",
    "{{ 'tab\\t\\x41\\u00e9\\\\' }}",
    # arithmetic and comparison
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 3 * 'ab' }} {{ [1] + [2] }} {{ 1 + 2.5 }}",
    "{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ 'a' in 'cat' }} {{ 3 not in [1, 2] }} {{ 'k' in {'k': 1} }}",
    "{{ not 1 == 2 }} {{ 1 or 0 and 0 }} {{ '' or 'd' }} {{ 1 if false }} {{ 1 if false else 2 if false else 3 }}",
    "{{ -2 ** 2 }} {{ 10 - 2 - 3 }} {{ 1 + 1 ~ 'x' }} {{ 2 * 3 ~ 4 }}",
    # items and slices
    "{{ [1,2,3][0] }} {{ [1,2,3][-1] }} {{ [1,2,3][5] is defined }} {{ 'héllo'[1] }} {{ [1,2,3,4][1:] }} {{ [1,2,3,4][::-1] }} {{ 'hello'[1:-1:2] }}",
    "{{ {'a': {'b': 2}}.a.b }} {{ {'a': 1}['a'] }} {{ {'items': 3}['items'] }} {{ {'x': 1}.get('y', 5) }} {{ {'x': 1}.get('y') }}",
    # loops
    "{% for x in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }} {% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in [] %}x{% else %}none{% endfor %} {% for x in [1,2,3,4] if x % 2 == 0 %}{{ loop.index }}:{{ x }} {% endfor %}",
    "{% for x in [1,2,3,4,5] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in range(3) %}{% for y in range(x, 3) %}{{ loop.index0 }}{{ x }}{{ y }} {% endfor %}{% endfor %}",
    "{% for x in 'ab' %}{{ loop.previtem }}{{ x }}{{ loop.nextitem }}{{ loop.cycle('o', 'e') }}{% endfor %}",
    "{% set n = 1 %}{% for x in [1] %}{% set n = 2 %}{{ n }}{% endfor %}{{ n }}",
    "{% set ns = namespace(n=1) %}{% for x in [1, 2] %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
    "{% if true %}{% set z = 4 %}{% endif %}{{ z }}",
    "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}{% set c, d = 5, 6 %}{{ c }}{{ d }}",
    # macros and blocks
    "{% macro f(a, b=2, c='x') %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{{ f(1) }}{{ f(1, c='y') }}{{ f(b=5, a=0) }}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}in{% endcall %}",
    "{% macro f(x) %}({{ caller(x) }}){% endmacro %}{% call(y) f(3) %}{{ y * 2 }}{% endcall %}",
    "{% set t %}a{{ 1 }}b{% endset %}{{ t|upper }} {% filter upper %}x{{ t }}{% endfilter %}",
    "{% set g = 1 %}{% macro f() %}{{ g }}{% endmacro %}{{ f() }}",
    # filters
    "{{ ' x '|trim }}|{{ 'aXb'|lower }}|{{ 'a b'|title }}|{{ 'abc'|capitalize }}|{{ 'abc'|length }}|{{ [3,1,2]|sort }}|{{ [1,2]|join('-') }}",
    "{{ [1,2,3]|first }} {{ [1,2,3]|last }} {{ nothing|default('d') }} {{ ''|default('d', true) }} {{ 'a-b-a'|replace('a', 'c') }} {{ [1,1,2]|unique|list }}",
    "{{ [{'a': 1}, {'a': 2}]|map(attribute='a')|list }} {{ ['a', 'b']|map('upper')|join }} {{ [1,2,3,4]|select('even')|list }} {{ [1,0,2]|reject|list }}",
    "{{ [{'a': 1, 'r': 'x'}, {'a': 2, 'r': 'y'}]|selectattr('r', 'equalto', 'y')|list }} {{ [{'a': 0}, {'a': 2}]|selectattr('a')|list }} {{ [{'a': 1}]|rejectattr('a', 'defined')|list }}",
    "{{ {'b': 1, 'a': [1, {'c': none}], 'u': 'é<>&\\'\"\\n'}|tojson }} {{ {'b': 1, 'a': [1, 2]}|tojson(indent=2) }} {{ []|tojson }} {{ {}|tojson(indent=4) }} {{ 1.5|tojson }} {{ 'x'|tojson }}",
    "{{ {'b': 1, 'a': 2}|dictsort }} {{ {'b': 1, 'a': 2}|items|list }} {{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\nb'|indent(first=true, width=1) }}",
    "{{ '5'|int + 1 }} {{ 'x'|int(9) }} {{ '2.5'|float }} {{ 2.567|round(2) }} {{ -3|abs }} {{ [1,2,3]|sum }} {{ [1,3,2]|max }} {{ [4,3,5]|min }} {{ 'abc'|reverse }} {{ [1,2]|reverse|list }}",
    "{{ 'abc'|string }} {{ 5|string ~ 'x' }} {{ 'ab'|list }} {{ {'a': 1}|list }} {{ 'a<b'|e }} {{ 'a<b'|safe }} {{ -1|abs|string }}",
    # tests
    "{{ 1 is number }} {{ 1 is integer }} {{ 1.0 is float }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ 'a' is iterable }} {{ none is none }} {{ true is boolean }} {{ 3 is odd }} {{ 4 is divisibleby 2 }}",
    "{{ 'a' is not string }} {{ x is undefined }} {{ 1 is eq 1 }} {{ 1 is in [1] }} {{ 'a' is lower }} {{ true is true }} {{ 1 is true }} {{ 'ab' is sequence }}",
    # methods
    "{{ ' x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'a,b,c'.split(',') }}|{{ 'a  b c'.split() }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith(('x', 'c')) }}",
    "{{ 'a'.upper() }}{{ 'B'.lower() }}{{ 'ab cd'.title() }}{{ 'aa'.replace('a', 'b', 1) }}{{ 'abc'.find('c') }}{{ 'x'.join(['1', '2']) }}{{ 'a1'.isalnum() }}{{ '12'.isdigit() }}{{ 'aXa'.count('a') }}{{ 'pre-x'.removeprefix('pre-') }}",
    "{{ 'a\\nb'.splitlines() }} {{ {'a': 1}.keys()|list }} {{ {'a': 1}.values()|list }} {{ '{} and {n}'.format(1, n=2) }} {{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|",
    # functions
    "{{ strftime_now('%d %b %Y %H:%M:%S %A %B %j %y %-d') }} {{ range(5)|list }} {{ range(5, 0, -2)|list }} {{ dict(a=1) }} {{ namespace(a=2).a }}",
    "{% generation %}x{% endgeneration %}",
    # errors
    "{{ raise_exception('no way') }}",
    "{{ 1 + 'a' }}",
    "{{ nothing.x }}",
    "{{ nothing() }}",
    "{{ 'a'|nofilter }}",
    "{{ 1 is notest }}",
    "{% frobnicate %}",
    "{% if x %}",
    "{{ 1 / 0 }}",
    "{{ 'a'.nomethod() }}",
    "{{ [].append(1) }}",
    "{{ ''.__class__ }}|{{ ''.__class__.__mro__ }}",
    "{% for x in 5 %}{% endfor %}",
    "{{ a b }}",
    "{{ 'x }}",
]


def rendered(source, names):
    try:
        template = _compile_jinja_template(source)
        template.globals["strftime_now"] = lambda form: NOW.strftime(form)
        return {"text": template.render(**names)}
    except Exception as e:  # whatever it is, we must refuse as well
        raised = type(e) is jinja2.exceptions.TemplateError
        return {"error": str(e) if raised else type(e).__name__, "raised": raised}


def main():
    templates, out = map(pathlib.Path, sys.argv[1:3])
    made = f"transformers {transformers.__version__}, jinja2 {jinja2.__version__}"
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    public = {}
    for file in sorted(templates.glob("*.jinja")):
        source = file.read_bytes().decode()
        public[file.name] = {name: rendered(source, {**chat, **tokens}) for name, chat in CHATS.items()}
    now = NOW.isoformat() + "Z"
    write(out / "public.json", {"made": made, "now": now, "names": tokens, "chats": CHATS, "templates": public})
    small = [{"template": source, **rendered(source, {})} for source in SMALL]
    write(out / "small.json", {"made": made, "now": now, "cases": small})
    for case in small:
        print(json.dumps(case, ensure_ascii=False))


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


main()
