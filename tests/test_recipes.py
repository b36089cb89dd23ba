import doctest

from footfall import recipes


def test_every_recipes_example_is_true():
    result = doctest.testmod(recipes)
    assert result.failed == 0
    assert result.attempted > 3 * len(recipes.RECIPES)


def test_every_recipe_has_an_example():
    assert all("map_reduce" in recipes.__test__[name] for name in recipes.RECIPES)


def test_adding_leaves_a_given_dict_as_it_was():
    given = {}
    assert recipes.add(given, recipes.Counter(a=1)) == {"a": 1}
    assert given == {}
