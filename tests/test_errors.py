from __future__ import annotations

from reclib.errors import DataError, UnknownName, nearest


def test_data_error_names_file_row_column_and_remedy() -> None:
    error = DataError("not a number", "Correct it.", file="a.inter", row=3, column="rating")
    assert str(error) == "a.inter, row 3, column 'rating': not a number. Correct it."


def test_data_error_without_a_place_starts_with_the_problem() -> None:
    assert str(DataError("nothing is left", "Lower min_user.")).startswith("nothing is left.")


def test_unknown_name_suggests_the_nearest_and_lists_all() -> None:
    message = str(UnknownName("dataset", "ml100k", ["ml-100k", "yelp"]))
    assert "Did you mean 'ml-100k'?" in message
    assert "ml-100k, yelp" in message


def test_nearest_ignores_case_and_gives_up_on_nonsense() -> None:
    assert nearest("EASE", ["ease", "slim"]) == "ease"
    assert nearest("qqqq", ["ease", "slim"]) is None
