import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire_evaluators.flatten import as_words, statements
from groundwire_evaluators.hours import hours_clashes, opening_hours

PLACE = (
    '{"name": "Finch", "hours": {"Monday": "17:30-23:0", "Tuesday": "17:0-21:0"}, "attributes": '
    '{"BusinessParking": {"garage": true, "lot": false}, "WiFi": null}, "review": "Good \\"food\\".\\nWe like it."}'
)


def test_json_leaves_carry_their_keys_as_words_and_their_polarity() -> None:
    found, structured = statements(PLACE)
    assert structured
    by_path = {s.path: s for s in found}
    assert by_path["attributes Business Parking garage"].polarity == "true"
    assert by_path["attributes Business Parking lot"].polarity == "false"
    assert by_path["attributes WiFi"].polarity == "unknown"
    assert by_path["name"].text == "Finch"


def test_statements_keep_their_place_in_the_passage() -> None:
    for s in statements(PLACE)[0]:
        assert s.text.split()[0] in PLACE[s.start : s.end] or s.polarity != "plain"


def test_cut_json_is_read_as_far_as_it_goes() -> None:
    found, structured = statements(PLACE[:60])
    assert structured
    assert [s.text for s in found][:2] == ["Finch", "17:30-23:0"]


def test_a_value_beside_a_name_is_filed_under_the_name() -> None:
    found, _ = statements('[{"name": "Battery", "value": "5000 mAh"}, {"name": "GPS", "value": "No"}]')
    assert [(s.key, s.polarity) for s in found if s.key == "GPS"] == [("GPS", "false")]


def test_table_rows_stand_under_the_names_of_their_columns() -> None:
    found, structured = statements("| City | Height |\n|---|---|\n| Paris | 330 m |\n| Lyon | 20 m |")
    assert structured
    assert "City" in found[1].path
    assert "330 m" in found[1].text


def test_a_dictionary_in_a_string_is_read_as_deep_as_json() -> None:
    text = (
        '{"attributes": {"BusinessParking": "{\'garage\': False, \'lot\': True}", '
        '"WiFi": "u\'free\'", "Alcohol": "u\'none\'"}}'
    )
    by_path = {s.path: s for s in statements(text)[0]}
    assert by_path["attributes Business Parking garage"].polarity == "false"
    assert by_path["attributes Business Parking lot"].polarity == "true"
    assert by_path["attributes WiFi"].text == "free"
    assert by_path["attributes Alcohol"].polarity == "unknown"
    assert all(s.text in text[s.start : s.end] for s in by_path.values())


def test_csv_rows_stand_under_their_header() -> None:
    text = 'city,height,year\nParis,330,1889\n"Lyon, FR",20,1901\n'
    found, structured = statements(text)
    assert structured
    assert [(s.text, s.path) for s in found[1:]] == [
        ("Paris 330 1889", "city height year"), ('"Lyon, FR" 20 1901', "city height year"),
    ]  # fmt: skip
    assert text[found[1].start : found[1].end] == "Paris,330,1889"


def test_prose_with_commas_is_no_csv() -> None:
    assert not statements("I came, I saw, I won.\nHe came, he saw, he lost.\nWe came, we saw, we left.")[1]


def test_yes_and_no_in_a_table_of_two_columns_answer_for_their_key() -> None:
    found, _ = statements("Feature | Has\n---|---\nWiFi | No\nPool | Yes\nGym | n/a")
    assert [(s.key, s.polarity) for s in found[1:]] == [("WiFi", "false"), ("Pool", "true"), ("Gym", "unknown")]


def test_yes_and_no_after_a_colon_answer_for_their_key() -> None:
    found, structured = statements("WiFi: no\nParking: yes\nName: The Finch\n")
    assert structured
    assert [(s.key, s.polarity) for s in found] == [("WiFi", "false"), ("Parking", "true"), ("Name", "plain")]


def test_prose_is_not_structured() -> None:
    found, structured = statements("The tower is tall. It is old.")
    assert not structured
    assert len(found) == 2


@pytest.mark.parametrize(
    "text",
    [
        "[1] The tower is 330 metres tall. It was completed in 1889: a record.",
        "[12] https://example.org/towers\n\nTowers | The Site of Towers The tower is tall. "
        + "It has many floors. " * 40,
        "Anna: I think we should go there today.\nBob: Why would we do that?\nAnna: They close on Monday.",
        "{curly} words open this. It is prose.",
    ],
)
def test_numbered_passages_page_titles_and_dialogues_are_prose(text: str) -> None:
    found, structured = statements(text)
    assert not structured
    assert any(len(s.text.split()) > 3 for s in found)


def test_lists_of_numbers_and_python_literals_are_structured() -> None:
    assert statements("[1, 2, 3]")[1]
    assert statements("[[1, 2], [3, 4]]")[1]
    assert statements("{'name': \"Joe's\", 'open': True, 'rating': 4.5}")[1]


@pytest.mark.parametrize(
    ("text", "agree", "clashes"),
    [
        ("Open Monday from 5:30 PM to 11 PM.", 1, 0),
        ("Open Monday from 17:30-23:00 and Tuesday 17:00-21:00.", 2, 0),
        ("Open Monday to Tuesday from 17:00-21:00.", 0, 1),
        ("Open Wednesday from 9 am to 5 pm.", 0, 1),
        ("Open on Mondays.", 0, 0),
        ("It seats 20 to 30 people on Monday.", 0, 0),
    ],
)
def test_opening_hours_are_compared_by_day(text: str, agree: int, clashes: int) -> None:
    hours = opening_hours(statements(PLACE)[0])
    found = hours_clashes(hours, text, 0, len(text))
    assert (found[0], len(found[1])) == (agree, clashes)


def test_keys_become_words() -> None:
    assert as_words("RestaurantsTakeOut") == "Restaurants Take Out"
    assert as_words("snake_case-key") == "snake case key"


@given(st.text() | st.text(alphabet="{}[]:,\"'\\ntrue1a "))
def test_any_text_gives_statements_inside_it(text: str) -> None:
    for s in statements(text)[0]:
        assert 0 <= s.start <= s.end <= len(text)
