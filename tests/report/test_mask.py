"""With pseudonyms, nobody is named in any format, and the rest stays the same."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from string import Formatter
from typing import Any

import pytest
from fpdf import FPDF
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanport.catalogue import ALL, FINDINGS, GUARDS, OUTCOMES, REASONS, Personal
from kanport.facts import Fact, as_written, fact
from kanport.findings import Finding, finding, found
from kanport.origin import Origin
from kanport.outcome import Approved, Outcome, Run, Status, VerifyResult, VerifyStatus
from kanport.plan.change import Action, Change
from kanport.plan.model import (
    GuardVerdict,
    Plan,
    PlanAccess,
    PlanMove,
    PlanPerson,
    PlanRows,
    PlanSource,
    PlanWithheld,
)
from kanport.report import FORMATS, drawn, pdf
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.mask import Mask, masked_findings
from kanport.report.tables import TABLES
from kanport.report.view import View
from tests.support.changes import a_change, after_of, before_of
from tests.support.report.examples import MAPPING, SERVER, make_plan, make_run
from tests.support.report.random_reports import whole_plan


def texts_of_pdf(view: View) -> list[str]:
    """Return what is drawn into a PDF, whose own text is compressed."""
    texts: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        safe = pdf._Paper.safe

        def spy(paper: pdf._Paper, text: str) -> str:
            texts.append(text)
            return safe(paper, text)

        patch.setattr(pdf._Paper, "safe", spy)
        # To break lines, and to cut a font down to what is drawn, takes longer than all else.
        patch.setattr(FPDF, "multi_cell", lambda *arguments, **options: ["line"])
        patch.setattr(pdf, "_FONTS", ())
        content = pdf.render(view)
    assert texts
    # Title and author stand there uncompressed.
    return [*texts, content.decode("latin-1")]


def texts_of(view: View) -> Iterator[str]:
    """Give all that a reader of any format could find."""
    for form in FORMATS.values():
        tables = TABLES if form.tabular and view.kind in ("plan", "run") else (None,)
        for table in tables:
            if form is FORMATS["pdf"]:
                yield from texts_of_pdf(view)
                continue
            content = drawn(view, form, table=table)
            if isinstance(content, str):
                yield content
                continue
            with zipfile.ZipFile(io.BytesIO(content)) as package:
                yield "\n".join(package.read(name).decode() for name in package.namelist())


# --- every parameter of every code ------------------------------------------------------------

# Each holds the same core, which no text of Kanport holds, in a shape that could slip through.
CORE = "zqxanna"
SHAPES = (
    "{}", "{}.berg", "{} Berg", "Berg, {}", "{}@club.example", "uid={},ou=people,dc=x", "DOM\\{}",
    "\"{}\"", "'{}'", "<b>{}</b>", "&{};", "={}()", "+{}", "@{}", "[{}](http://x)", "`{}`", "|{}|",
    "{{username}}{}", "{{}}{}", "%s{}", "$({})", "{}\tBerg", "{}\nBerg", "\u202e{}", "{}\U0001f642",
    "ÄÖ{}ß",
)  # fmt: skip


def facts(person: str, thing: str) -> Iterator[Fact]:
    """Yield a fact for each wording of the catalogue, with these in its text parameters."""
    for code, kind in sorted(ALL.items()):
        for case, text in kind.texts.items():
            params: dict[str, Any] = {}
            for template in text:
                for _, name, spec, _ in Formatter().parse(template):
                    if name is None:
                        continue
                    number = "|" in (spec or "") or (spec or "").endswith(("%", "d", "f", "g", "X"))
                    value = person if name in kind.personal else thing
                    if kind.personal.get(name) is Personal.PATH:
                        value = f"/home/{CORE}/run.jsonl"
                    params[name] = params.get(name, 3 if number or spec == "," else value)
                    if number:
                        params[name] = 3
            yield fact(code, case=case, **params)


def everything(plan: Plan, all_facts: Sequence[Fact]) -> tuple[Plan, Run]:
    """Return a plan and a run whose texts are all of these facts."""
    reasons = [one for one in all_facts if one.code in REASONS or one.code in OUTCOMES]
    change = plan.changes[0]
    changes = tuple(
        replace(change, id=f"c{number:04}", why=one, wording=None)
        for number, one in enumerate(reasons, start=1)
    )
    plan = plan.model_copy(
        update={
            "changes": changes,
            "findings": tuple(finding(one) for one in all_facts if one.code in FINDINGS),
            "guards": tuple(GuardVerdict.of(one) for one in all_facts if one.code in GUARDS),
        }
    )
    outcomes = tuple(
        Outcome(change.id, Status.FAILED, one) for change, one in zip(changes, reasons, strict=True)
    )
    return plan, Run("run-1", "2026-11-03T22:16:00Z", None, outcomes, stopped=reasons[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_is_personal_is_masked_in_every_text_and_nothing_else_is(shape: str) -> None:
    person, thing = shape.format(CORE), "Wkthing"
    all_facts = list(facts(person, thing))
    plan, run = everything(make_plan([{"action": "user.disable", "who": "k.olsen"}]), all_facts)
    mask = Mask(plan)
    for before, after in zip(all_facts, (mask.fact(one) for one in all_facts), strict=True):
        for template, text in ((before.text, after.text), (before.hint or "", after.hint or "")):
            assert CORE not in text.lower()
            assert template.count(thing) == text.count(thing)
    for view in (
        of_plan(mask.plan),
        of_run(mask.plan, mask.run(run)),
        of_verification(
            mask.plan,
            mask.verdicts(
                VerifyResult(change.id, VerifyStatus.MISMATCH, change.why)
                for change in plan.changes
            ),
        ),
    ):
        for text in texts_of(view):
            assert CORE not in text.lower()


# --- nobody is named ------------------------------------------------------------------------------

letters = st.text("abcdefghijklmnopqrstuvwxyzäöüéλж", min_size=5, max_size=10)
logins = st.builds(
    lambda parts, sign: sign.join(parts),
    st.lists(letters, min_size=1, max_size=2),
    st.sampled_from([".", "-", "_", ""]),
)
names = st.lists(letters.map(str.capitalize), min_size=1, max_size=3).map(" ".join)


@st.composite
def persons(draw: st.DrawFn) -> tuple[str, str, str]:
    login, name = draw(logins), draw(names)
    return login, name, f"{draw(logins)}@{draw(letters)}.example"


def a_plan(known: list[tuple[str, str, str]], strangers: list[tuple[str, str, str]]) -> Plan:
    """Make a plan that names the known in all its places, and strangers in messages only."""
    changes: list[Change] = []

    def add(action: Action, who: str | None, **parts: Any) -> None:
        changes.append(
            a_change(
                id=f"c{len(changes) + 1:04}",
                action=action,
                username=who,
                reason="",
                why=parts.pop("why", fact("new-on-server")),
                origin=(
                    Origin("people", dn=f"uid={who},ou=people", attribute="mail"),
                    Origin("staff", file="staff.csv", row=3, column="Login", position=1),
                ),
                **parts,
            )
        )

    for login, name, mail in known:
        add(Action.USER_CREATE, login, after={"name": name, "email": mail, "role": "app-user"})
        add(
            Action.USER_RENAME,
            login,
            before={"username": login},
            after={"username": f"{login}x"},
            why=fact("renamed-aside", renamed=as_written(f"{name} is new"), username=login),
        )
        add(Action.MEMBERSHIP_GRANT, login, project="WEBSHOP", after={"role": "project-member"})
        add(Action.GROUP_MEMBER_ADD, login, group="The Crew")
        add(Action.PROJECT_CREATE, None, project="SHOP2", after={"name": "Shop 2", "owner": login})
    everybody = [*known, *strangers]
    findings = [
        finding
        for login, name, mail in everybody
        for finding in (
            found(
                "email-shared",
                Origin("people", dn=f"cn={name},ou=people"),
                value=mail,
                related=(Origin("people", dn=f"uid={login}"),),
                usernames=(login, name, mail),
            ),
            found("entry-ambiguous", names=(f"cn={name},ou=people", login)),
        )
    ]
    guards = [
        GuardVerdict(
            guard="last-admin",
            tripped=True,
            message=f"no administrator would be left: the plan takes it from {login}, {mail}",
            hint=f"make {name} an administrator",
        )
        for login, name, mail in everybody
    ]
    return Plan(
        created_at="2026-11-03T23:15:07+01:00",
        made_by=f"{known[0][0]}@bridge" if known else None,
        kanport="0.1.0",
        server=SERVER,
        mapping=MAPPING,
        sources=(
            PlanSource(
                name="people",
                type="ldap",
                path="ldap://dc",
                sha256="ab" * 32,
                size=3,
                rows=len(everybody),
                read=(
                    PlanRows(entries={f"uid={login},ou=people": 1 for login, _, _ in everybody}),
                ),
            ),
        ),
        guards=tuple(guards),
        changes=tuple(changes),
        findings=tuple(findings),
        access=(
            PlanAccess(
                project="WEBSHOP",
                project_id=7,
                kept={f"{login}k": "project-viewer" for login, _, _ in known},
                moved=tuple(
                    PlanMove(username=f"{login}m", after="project-member", through=("The Crew",))
                    for login, _, _ in known
                ),
            ),
        ),
        people=tuple(PlanPerson(username=login, name=name) for login, name, _ in known),
        digest="cd" * 32,
    )


def a_run(plan: Plan, everybody: list[tuple[str, str, str]]) -> Run:
    login, name, mail = everybody[0]
    return Run(
        "run-1",
        "2026-11-03T22:16:00Z",
        None,
        tuple(
            Outcome(change.id, Status.FAILED, as_written(f"the server says that {mail} is {name}"))
            for change in plan.changes
        ),
        stopped=as_written(f"{login} was interrupted"),
        by=f"{login}@host",
        approved=Approved(name, f"as {mail} asked", "", "", "ef" * 32, recorded_by=login),
    )


def check_nobody_is_named(view: View, everybody: list[tuple[str, str, str]]) -> None:
    private = {
        part.lower()
        for login, name, mail in everybody
        for part in (login, name, mail, *re.split(r"[.@_\s-]", f"{login} {name} {mail}"))
        if len(part) > 3
    }
    private -= {"example"}
    for text in texts_of(view):
        told = text.lower()
        assert not [part for part in private if part in told]


@settings(max_examples=8, deadline=None)
@given(st.lists(persons(), min_size=1, max_size=3), st.lists(persons(), max_size=2))
def test_nobody_is_named_in_any_format(
    known: list[tuple[str, str, str]], strangers: list[tuple[str, str, str]]
) -> None:
    everybody = [*known, *strangers]
    assume(
        all(
            part.lower() not in text
            for text in said_of_nobody()
            for person in everybody
            for part in re.split(r"[.@_\s-]", " ".join(person))
            if len(part) > 3 and part != "example"
        )
    )
    for view in masked_views(known, strangers):
        check_nobody_is_named(view, everybody)


def masked_views(
    known: list[tuple[str, str, str]], strangers: list[tuple[str, str, str]]
) -> Iterator[View]:
    """Give a plan, a run, a verification and a validation of these people, with pseudonyms."""
    everybody = [*known, *strangers]
    plan = a_plan(known, strangers)
    mask = Mask(plan)
    yield of_plan(mask.plan)
    yield of_run(mask.plan, mask.run(a_run(plan, everybody)))
    verdicts = [
        VerifyResult(
            change.id, VerifyStatus.MISMATCH, fact("missing", case="user", username=everybody[0][0])
        )
        for change in plan.changes
    ]
    yield of_verification(mask.plan, mask.verdicts(verdicts))
    sources, findings = masked_findings(plan.sources, plan.findings)
    yield of_validation(MAPPING, sources, findings, users=1, memberships=1)


@cache
def said_of_nobody() -> tuple[str, ...]:
    """Give what the formats say whoever it is about, the style sheet of the page for one."""
    people = [("λжλжλ", "Жλжλж", "жλλжж@λλжжλ.example")]
    return tuple(text.lower() for view in masked_views(people, people) for text in texts_of(view))


# --- the rest stays the same ----------------------------------------------------------------------

PLAN = whole_plan()


def test_the_numbers_are_those_of_the_report_with_names() -> None:
    run = make_run(PLAN, {5: (Status.FAILED, "the server said false")})
    mask = Mask(PLAN)
    plain, masked = of_run(PLAN, run), of_run(mask.plan, mask.run(run))
    assert [total.text for total in masked.sums] == [total.text for total in plain.sums]
    assert [count.text for count in masked.counts] == [count.text for count in plain.counts]
    assert masked.matrix == plain.matrix
    assert masked.headline == plain.headline
    assert masked.facts.digest == plain.facts.digest
    assert [row.fate for row in masked.rows] == [row.fate for row in plain.rows]


def test_one_person_has_one_pseudonym_wherever_they_are_named() -> None:
    plan = a_plan([("anna.berg", "Anna Berg", "anna.berg@club.example")], [])
    masked = Mask(plan).plan
    (who,) = {c.username for c in masked.changes if c.username}
    assert who is not None and re.fullmatch("masked-[0-9]{4}", who)
    assert after_of(masked.changes[0]) == {
        "name": who.replace("masked-", "Masked "),
        "email": f"{who}@masked.invalid",
        "role": "app-user",
    }
    (renamed,) = [c for c in masked.changes if c.action is Action.USER_RENAME]
    assert before_of(renamed) == {"username": who}
    assert renamed.why is not None and renamed.why["username"] == who
    assert f"until {who} is free" in renamed.reason
    assert masked.people[0].username == who


def test_a_verdict_made_of_facts_is_masked_by_its_parameters() -> None:
    private = fact(
        "private-project",
        case="deleted",
        project="WEBSHOP",
        usernames=("anna.berg", "gone"),
        owners=("the", fact("user-unread", user_id=7)),
    )
    why = fact("private-projects", case="stopped", projects=(private,))
    plan = a_plan([("anna.berg", "Anna Berg", "a@b.example")], [])
    plan = plan.model_copy(update={"guards": (GuardVerdict.of(why),)})
    (masked,) = Mask(plan).plan.guards
    assert re.fullmatch(
        'Removing "masked-[0-9]{4}" and "masked-[0-9]{4}" would delete the private project'
        ' "WEBSHOP" of "masked-[0-9]{4}" and "#7"',
        masked.message,
    )
    assert masked.why is not None
    assert "anna.berg" not in str(masked)
    assert Plan.model_validate_json(Mask(plan).plan.model_dump_json()).guards == (masked,)


def test_projects_groups_roles_and_files_keep_their_names() -> None:
    plan = a_plan([("anna.berg", "Anna Berg", "a@b.example")], [])
    masked = Mask(plan).plan
    for before, after in zip(plan.changes, masked.changes, strict=True):
        assert (before.project, before.group) == (
            after.project,
            after.group,
        )
        assert before.origin[1] == after.origin[1]
        assert after_of(before).get("role") == after_of(after).get("role")
    assert after_of(masked.changes[-1])["name"] == "Shop 2"
    assert masked.server == plan.server


def test_a_text_of_an_earlier_version_is_not_shown() -> None:
    plan = make_plan([{"action": "user.disable", "who": "k.olsen", "reason": "k.olsen left"}])
    old = replace(plan.changes[0], why=None)
    guard = GuardVerdict(guard="last-admin", tripped=True, message="k.olsen is the last", hint="!")
    plan = plan.model_copy(update={"changes": (old,), "guards": (guard,)})
    masked = Mask(plan).plan
    assert masked.changes[0].reason == "The wording of an earlier version."
    assert "olsen" not in masked.guards[0].message
    assert masked.guards[0].hint is None


def test_the_pseudonyms_of_a_plan_are_the_same_each_time_and_others_for_another_plan() -> None:
    assert Mask(whole_plan()).plan == Mask(PLAN).plan
    people = [(f"person{n}", f"Person {n}", f"p{n}@x.example") for n in range(30)]
    order = [c.username for c in Mask(a_plan(people, [])).plan.changes]
    other = a_plan(people, []).model_copy(update={"kanport": "0.2.0"})
    assert [c.username for c in Mask(other).plan.changes] != order


def test_the_numbers_say_nothing_of_the_alphabet() -> None:
    people = [(f"person{n:02}", f"Person {n}", f"p{n}@x.example") for n in range(30)]
    told = [c.username or "" for c in Mask(a_plan(people, [])).plan.changes]
    assert sorted(told) != told


def test_two_spellings_of_one_login_have_one_pseudonym() -> None:
    plan = make_plan(
        [{"action": "user.disable", "who": "e.rossi"}],
        findings=(found("protected-named", value="E.Rossi", username="E.Rossi"),),
    )
    masked = Mask(plan).plan
    assert masked.findings[0].value == masked.changes[0].username


def test_a_number_of_a_user_whose_name_was_not_read_stays() -> None:
    move = PlanMove(username="#18", after="project-member", through=("Crew",))
    access = PlanAccess(project="A", project_id=1, kept={"#17": "project-viewer"}, moved=(move,))
    unread = a_change(Action.MEMBERSHIP_REVOKE, user_id=19, project="A", before={"role": "x"})
    plan = make_plan([]).model_copy(
        update={"access": (access,), "withheld": (PlanWithheld(unread),)}
    )
    masked = Mask(plan).plan
    (told,) = masked.access or ()
    assert told.kept == {"#17": "project-viewer"}
    assert told.moved == (move,)
    assert masked.withheld == plan.withheld


def test_somebody_who_is_called_like_a_number_is_masked_everywhere() -> None:
    access = PlanAccess(project="A", project_id=1, kept={"#98717": "project-viewer"})
    plan = make_plan(
        [{"action": "user.create", "who": "#98712", "after": {"name": "Twelve"}}],
        findings=(found("protected-named", value="#98712", username="#98712"),),
    ).model_copy(update={"access": (access,), "people": (PlanPerson(username="#98717"),)})
    mask = Mask(plan)
    for login in ("#98712", "#98717", "#98799"):
        assert login not in mask.fact(fact("missing", case="user", username=login)).text
    assert all("#987" not in text for text in texts_of(of_plan(mask.plan)))


# --- masked is what describes somebody, not what equals it ----------------------------------------

# Words that are a login, a name and an address of somebody, and something else, too.
WORDS = ("random", "app-admin", "project-member", "Login", "staff.csv", "data", "WEB", "Crew")


def of_words(*findings: Finding) -> Mask:
    """Return the mask of a plan that creates people who are called like these words."""
    rows = [
        {
            "action": "user.create",
            "who": word,
            "after": {"name": word, "email": word, "role": "app-admin", "password": "random"},
        }
        for word in WORDS
    ]
    place = Origin("staff", file="data/staff.csv", row=3, column="Login")
    plan = make_plan(rows, findings=findings)
    source = plan.sources[0].model_copy(
        update={"name": "Crew", "path": "staff.csv", "columns": ("Login", "WEB")}
    )
    changes = tuple(replace(one, origin=(place,)) for one in plan.changes)
    return Mask(plan.model_copy(update={"sources": (source,), "changes": changes}))


def test_passwords_roles_columns_files_and_sources_stay_whoever_is_called_so() -> None:
    masked = of_words().plan
    for change in masked.changes:
        assert change.username is not None and change.username.startswith("masked-")
        assert after_of(change)["role"] == "app-admin"
        assert after_of(change)["password"] == "random"
        (place,) = change.origin
        assert (place.source, place.column) == ("staff", "Login")
        assert re.fullmatch("masked-folder-[0-9]{4}/staff.csv", place.file or "")
    (source,) = masked.sources
    assert (source.name, source.path, source.columns) == ("Crew", "staff.csv", ("Login", "WEB"))


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("undo-moved", {"role": "app-user", "left_role": "project-member"}),
        ("undo-moved", {"field": "role", "now": "app-admin", "left": "app-user"}),
        ("undo-impossible", {"field": "role", "before": "app-admin"}),
        ("field-differs", {"field": "role", "value": "app-admin", "now": "app-user"}),
        ("stale-user", {"field": "role", "now": "app-admin", "before": "app-user"}),
        ("sources-conflict", {"field": "role", "text": "app-admin", "texts": ("app-user",)}),
        ("role-now", {"role": "app-admin"}),
        ("role-to-make", {"role": "app-admin", "project": "WEB"}),
        ("name-lookalike", {"groups": ("Crew", "data")}),
        ("name-lookalike", {"projects": ("WEB", "data")}),
    ],
)
def test_roles_groups_and_projects_are_never_masked(code: str, params: dict[str, Any]) -> None:
    one = Fact(code, tuple(params.items()))
    assert of_words().fact(one) == one


@pytest.mark.parametrize("code", ["stale-user", "undo-moved", "sources-conflict", "field-differs"])
@pytest.mark.parametrize(
    ("field", "text", "shape"),
    [
        ("name", "Ada L", "Masked [0-9]{4}"),
        ("email", "ada@x.example", "masked-[0-9]{4}@masked.invalid"),
        ("username", "ada", "masked-[0-9]{4}"),
        ("of another version", "ada", "masked-value-[0-9]{4}"),
    ],
)
def test_a_value_of_a_field_gets_the_pseudonym_of_what_the_field_is(
    code: str, field: str, text: str, shape: str
) -> None:
    name = next(n for n, kind in ALL[code].personal.items() if kind is Personal.FIELD)
    masked = of_words().fact(Fact(code, (("field", field), (name, text))))
    assert re.fullmatch(shape, str(masked[name]))


def test_a_name_that_is_the_login_of_somebody_else_keeps_the_shape_of_a_name() -> None:
    rows = [
        {"action": "user.create", "who": "berg", "after": {"name": "Ada"}},
        {"action": "user.update", "who": "ada", "before": {"name": "x"}, "after": {"name": "berg"}},
    ]
    berg, ada = Mask(make_plan(rows)).plan.changes
    assert after_of(ada)["name"] == str(ada.username).replace("masked-", "Masked ")
    assert after_of(berg)["name"] == str(berg.username).replace("masked-", "Masked ")


def test_a_value_that_can_be_anything_does_not_show_whose_it_is() -> None:
    mask = of_words(found("value-not-in-table", value="random", text="random", what="x", keys=()))
    (told,) = mask.plan.findings
    assert re.fullmatch("masked-value-[0-9]{4}", told.value or "")
    assert f'"{told.value}"' in told.message


def test_the_value_of_a_finding_is_what_the_parameter_is_that_holds_it() -> None:
    person, thing, cell = of_words(
        found("protected-named", value="Crew", username="Crew"),
        found("group-unread", value="Crew", group="Crew"),
        found("username-reserved", value="Crew"),
    ).plan.findings
    assert person.value == dict(person.params)["username"] != "Crew"
    assert thing.value == "Crew"
    assert cell.value not in ("Crew", person.value)


def test_a_column_that_the_first_row_may_hold_is_masked_like_the_first_row() -> None:
    place = Origin("staff", file="staff.csv", row=1, column="Anna Berg")
    (told,) = masked_findings(
        (), [found("header-duplicate", place, related=(place,), column="Anna Berg")]
    )[1]
    assert "Berg" not in str(told)
    assert told.origin is not None and told.origin.column == dict(told.params)["column"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/k.olsen/lists/staff.csv", "/home/…/lists/staff.csv"),
        ("/home/K.OLSEN/staff.csv", "/home/…/staff.csv"),
        ("/home/stranger/staff.csv", "/home/…/staff.csv"),
        ("C:\\Users\\k.olsen\\staff.csv", "C:\\Users\\…\\staff.csv"),
        ("C:\\users\\stranger\\staff.csv", "C:\\users\\…\\staff.csv"),
        ("\\\\server\\k.olsen\\staff.csv", "\\\\server\\…\\staff.csv"),
        ("../../home/stranger/staff.csv", "../../home/…/staff.csv"),
        ("lists/k.olsen/staff.csv", "lists/…/staff.csv"),
        ("Kari Olsen/staff.csv", "…/staff.csv"),
        ("users/berlin/staff.csv", "users/berlin/staff.csv"),
        ("k.olsen.csv", "k.olsen.csv"),
        ("ldap://k.olsen/x", "ldap://k.olsen/x"),
    ],
)
def test_a_folder_that_is_called_like_somebody_is_masked_and_a_file_is_not(
    path: str, expected: str
) -> None:
    rows = [{"action": "user.create", "who": "k.olsen", "after": {"name": "Kari Olsen"}}]
    plan = make_plan(
        rows,
        findings=(
            found("file-read-as", Origin("staff", file=path), case="sheet", sheet="k.olsen"),
        ),
    )
    broken = fact("journal-broken", path=path, error="full")
    mask = Mask(plan)
    (told,) = mask.plan.findings
    assert told.origin is not None
    for masked in (told.origin.file, mask.fact(broken)["path"]):
        assert re.sub("masked-folder-[0-9]{4}", "…", str(masked)) == expected
    # A sheet keeps its name, as a file does.
    assert told.message == 'read the sheet "k.olsen"'


def test_secret_places_are_told_without_the_person() -> None:
    place = Origin("staff", file="/home/k.olsen/staff.csv", row=3, column="Password")
    row = {
        "action": "user.create",
        "who": "k.olsen",
        "after": {"password": {"from": place.to_dict()}},
    }
    told = drawn(of_plan(Mask(make_plan([row])).plan), FORMATS["text"])
    assert "olsen" not in str(told)
    assert "Password" in str(told)


def test_a_masked_plan_leaves_the_run_and_the_plan_as_they_were() -> None:
    run = make_run(PLAN)
    before = PLAN.model_dump_json(), run
    Mask(PLAN).run(run)
    assert (PLAN.model_dump_json(), replace(run)) == before
