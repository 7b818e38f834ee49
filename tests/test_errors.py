from __future__ import annotations

import pickle

import pytest

from reclib.errors import DataError, ReclibError, UnknownName, nearest


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


@pytest.mark.parametrize(
    "error",
    [
        DataError("the cell is empty", "Fill it.", file="a.csv", row=3, column="rating"),
        UnknownName("dataset", "ml-10k", ["ml-100k"]),
    ],
)
def test_an_error_comes_back_from_a_worker_as_it_was_raised(error: ReclibError) -> None:
    revived = pickle.loads(pickle.dumps(error))
    assert type(revived) is type(error)
    assert str(revived) == str(error)
    assert vars(revived) == vars(error)
