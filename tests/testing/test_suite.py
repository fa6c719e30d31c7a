"""What every suite does with failures that are declared, with what its author has not said, and with what is not claimed."""

from __future__ import annotations

import pytest

from crmcore.testing.channel_suite import ChannelSuite
from crmcore.testing.gate_suite import GateSuite
from crmcore.testing.provider_suite import ProviderSuite
from crmcore.testing.recommender_suite import RecommenderSuite
from crmcore.testing.rule_suite import RuleSuite
from crmcore.testing.step_suite import StepSuite
from crmcore.testing.suite import Suite, unsaid
from crmcore.testing.webhook_suite import WebhookSuite

pytest_plugins = ["pytester"]
SUITES = [ProviderSuite, ChannelSuite, WebhookSuite, GateSuite, StepSuite, RuleSuite, RecommenderSuite]
WELL, FLAWED = "def letters(self): return []", "def letters(self): return 1 / 0"
#: A suite of two checks, one of which is run for two cases; its plugin passes none of them, or all.
TOLD = """
import pytest
from abc import abstractmethod
from crmcore.testing.suite import Suite, needs

class LetterSuite(Suite):
    @abstractmethod
    def letters(self) -> list[str]:
        raise NotImplementedError

    def test_letters(self):
        self.letters()

    @pytest.mark.parametrize("count", [1, 2])
    def test_counted(self, count):
        assert count == 2 or not self.letters()

    def test_capitals(self):
        needs(False, "capitals")

class TestLetters(LetterSuite):
    {declared}
    {said}
"""


@pytest.fixture
def ran(pytester):
    def run(said, declared="pass"):
        pytester.makepyfile(TOLD.format(declared=declared, said=said))
        return pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-rxs")

    return run


def test_a_failure_that_is_declared_passes_with_its_reason(ran):
    declared = 'expected_failures = {"test_letters": "it divides by zero", "test_counted[1]": "the same"}'
    done = ran(FLAWED, declared)
    done.assert_outcomes(xfailed=2, passed=1, skipped=1)
    done.stdout.fnmatch_lines(["*test_letters*it divides by zero*"])


def test_a_declared_failure_that_does_not_fail_is_red(ran):
    done = ran(WELL, 'expected_failures = {"test_letters": "it divides by zero"}')
    done.assert_outcomes(failed=1, passed=2, skipped=1)
    done.stdout.fnmatch_lines(["*XPASS(strict)*it divides by zero*"])


def test_of_a_check_for_several_cases_all_have_to_fail(ran):
    done = ran(FLAWED, 'expected_failures = {"test_counted": "of two it does not", "test_letters": "why"}')
    done.assert_outcomes(xfailed=2, failed=1, skipped=1)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('{"test_leters": "why"}', "names 'test_leters', and there is no such check"),
        ('{"letters": "why"}', "names 'letters', and there is no such check"),
        ('{"test_letters": ""}', "gives no reason"),
        ('{"test_letters": " "}', "gives no reason"),
        ('{"test_letters": None}', "gives no reason"),
    ],
)
def test_what_is_declared_amiss_is_an_error_at_collection(ran, declared, said):
    done = ran(FLAWED, f"expected_failures = {declared}")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"*TestLetters*{said}*"])


def test_a_case_that_there_is_not_is_an_error(ran):
    done = ran(WELL, 'expected_failures = {"test_counted[3]": "why"}')
    assert done.parseoutcomes()["errors"] >= 1
    done.stdout.fnmatch_lines(["*names 'test_counted[[]3]', no such case*"])


def test_whoever_forgets_a_method_is_shown_the_line_to_write(ran):
    done = ran("def others(self): return []", 'expected_failures = {"test_letters": "nothing is hidden by this"}')
    done.assert_outcomes(errors=4)
    done.stdout.fnmatch_lines(
        [
            "*TestLetters does not say all that its suite asks for. Write in it:",
            "*    def letters(self) -> list[[]str]: ...",
        ]
    )


def test_a_check_of_what_is_not_claimed_is_skipped_and_says_what_that_is(ran):
    ran(WELL).stdout.fnmatch_lines(["SKIPPED*not claimed: capitals"])


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_is_of_the_family(suite):
    assert issubclass(suite, Suite)
    made = {"ProviderSuite": "provider", "WebhookSuite": "provider"}.get(suite.__name__)
    named = made or suite.__name__.removesuffix("Suite").lower()
    assert any(line.startswith(f"def {named}(self") for line in unsaid(suite))


def test_values_that_a_subclass_has_to_give_are_asked_for_too():
    assert "parts: ClassVar[Mapping[str, str]] = ..." in unsaid(ChannelSuite)
