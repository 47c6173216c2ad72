"""Jinja2 as `transformers` sets it up for chat templates: what phibench's interpreter is compared with.

Needs transformers and jinja2. Time stands still, so that strftime_now gives what tests/support/test_variables.c gives.
"""
import datetime
import warnings

import jinja2
import transformers
from transformers.utils import chat_template_utils

NOW = datetime.datetime(2024, 7, 25, 13, 5, 9)
VERSIONS = "transformers %s, jinja2 %s" % (transformers.__version__, jinja2.__version__)


class StillTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = StillTime
warnings.simplefilter("ignore", SyntaxWarning)  # of the Python that Jinja2 makes of a template


ENVIRONMENT = chat_template_utils._cached_compile_jinja_template("").environment


def render(template, variables):
    """The text, or None where Jinja2 raises an error, and the error."""
    try:
        return ENVIRONMENT.from_string(template).render(**variables), None
    except (Exception, RecursionError) as error:  # whatever Python says no with
        return None, "%s: %s" % (type(error).__name__, error)


def conversations():
    """Variables as apply_chat_template gives them, by name: one turn, system, three turns; with and without a prompt."""
    one = [{"role": "user", "content": "Hi there"}]
    system = [{"role": "system", "content": "You are terse."}] + one
    three = [{"role": "user", "content": "  What is 1 < 2?\n"}, {"role": "assistant", "content": "It's true. "},
             {"role": "user", "content": "And \"é\"?"}]
    for name, messages in (("one", one), ("system", system), ("three", three)):
        for prompt in (False, True):
            yield "%s%s" % (name, "+prompt" if prompt else ""), {
                "messages": messages, "tools": None, "documents": None, "add_generation_prompt": prompt,
                "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
