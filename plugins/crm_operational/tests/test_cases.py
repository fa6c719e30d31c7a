"""Cases follow the log: late events, merges, merges that are taken back, erasures."""

from __future__ import annotations

from sqlalchemy import event

from crm_operational import cases

HOUR = 3_600_000_000


def raised(crm, customer, ref=None, at=None, subject="Dark"):
    crm.track("complaint_raised", customer, ref=ref, at=at, properties={"subject": subject})


def test_a_complaint_opens_a_case(crm, clock, cases_of):
    raised(crm, "ada", "lamp")
    [case] = cases_of("ada")
    assert (case.ref, case.subject, case.opened_at, case.closed_at) == ("lamp", "Dark", clock.now(), None)


def test_a_closed_complaint_closes_it(crm, clock, cases_of):
    raised(crm, "ada", "lamp")
    clock.turn("1h")
    crm.track("complaint_closed", "ada", ref="lamp")
    [case] = cases_of("ada")
    assert case.closed_at == clock.now()


def test_a_complaint_that_comes_late_is_closed_by_what_has_closed_it(crm, clock, cases_of):
    crm.track("complaint_closed", "ada", ref="lamp")
    assert cases_of("ada") == []
    raised(crm, "ada", "lamp", at=clock.now() - HOUR)
    [case] = cases_of("ada")
    assert (case.opened_at, case.closed_at) == (clock.now() - HOUR, clock.now())


def test_a_complaint_raised_again_opens_the_same_case_anew(crm, clock, cases_of):
    raised(crm, "ada", "lamp")
    crm.track("complaint_closed", "ada", ref="lamp")
    [before] = cases_of("ada")
    clock.turn("1h")
    raised(crm, "ada", "lamp", subject="Dark again")
    [case] = cases_of("ada")
    assert (case.id, case.closed_at, case.subject) == (before.id, None, "Dark again")


def test_what_an_agent_did_stays_whatever_the_log_comes_to_say(crm, clock, cases_of):
    raised(crm, "ada", "lamp")
    [case] = cases_of("ada")
    crm.in_tables(lambda tables: cases.assign(tables, case.id, "eve"))
    clock.turn("1h")
    crm.track("complaint_closed", "ada", ref="lamp")
    [case] = cases_of("ada")
    assert (case.agent, case.closed_at) == ("eve", clock.now())


def test_a_merge_takes_cases_along_and_back(crm, cases_of):
    raised(crm, "ada", "lamp")
    raised(crm, "ben", "tap")
    [lamp], [tap] = cases_of("ada"), cases_of("ben")
    crm.merge("ben", "ada", force=True)
    assert {one.id for one in cases_of("ada")} == {lamp.id, tap.id}
    crm.unmerge("ben", "ada")
    assert [one.id for one in cases_of("ada")] == [lamp.id]
    assert [one.id for one in cases_of("ben")] == [tap.id]


def test_two_cases_of_one_ref_become_one_with_all_that_was_done(crm, cases_of):
    raised(crm, "ada")
    raised(crm, "ben")
    [one], [other] = cases_of("ada"), cases_of("ben")
    crm.in_tables(lambda tables: cases.assign(tables, other.id, "eve"))
    crm.merge("ben", "ada", force=True)
    [case] = cases_of("ada")
    done = crm.in_tables(lambda tables: cases.entries(tables, [case]))
    assert (case.id, case.agent, [entry.note for entry in done]) == (min(one.id, other.id), "eve", ["eve"])


def test_a_case_is_overdue_after_its_time_and_is_so_once(crm, clock, cases_of):
    [job] = crm.registry.modules["operational"].jobs
    raised(crm, "ada", "lamp")
    crm.work()
    clock.turn("47h")
    assert job.run(crm.in_tables) == 0
    clock.turn("1h")
    assert [job.run(crm.in_tables), job.run(crm.in_tables)] == [1, 0]
    [case] = cases_of("ada")
    assert case.overdue_at == clock.now()


def test_work_marks_what_is_overdue(crm, clock, cases_of):
    raised(crm, "ada", "lamp")
    crm.work()
    clock.turn("3d")
    [case] = cases_of("ada")
    assert case.overdue_at == clock.now()


def test_no_statement_reads_all_cases(crm, clock, cases_of):
    engine, said = crm._opened.engine, []

    def note(connection, cursor, statement, parameters, context, executemany):
        if "crm_operational" in statement and not statement.startswith("INSERT"):
            said.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    raised(crm, "ada", "lamp")
    crm.work()
    clock.turn("3d")
    cases_of("ada")
    crm.in_tables(lambda tables: cases.erase(tables, crm.customer("ada").id))
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = {
            one: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", parameters)]
            for one, parameters in said
        }
    assert len(plans) > 6
    assert {one: plan for one, plan in plans.items() if any(line.startswith("SCAN crm_") for line in plan)} == {}
