"""Which grid a command sees its particles on."""

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.commands.target_grid import on_target_grid
from gmmrefine.errors import InputError
from gmmrefine.particles.optics import Optics, OpticsGroup
from gmmrefine.settings import HeterogeneitySettings, RefineSettings

FINE, COARSE = OpticsGroup(96, 2.4), OpticsGroup(80, 2.88)


def chosen_settings(**given):
    """Settings of a command that offers those given."""
    values = HeterogeneitySettings if "target_resolution" in given else RefineSettings
    return values(**{name: value or None for name, value in given.items()})


def chosen(groups, **settings):
    """Box and pixel size of particles of some groups, and the notes."""
    count = len(groups)
    particles = particle_set(
        random_rotations(count),
        np.zeros((count, 2)),
        ctf_parameters(count, np.random.default_rng(1)),
        80,
        2.88,
        optics=Optics(tuple(groups), np.arange(count)),
    )
    particles, notes = on_target_grid(particles, chosen_settings(**settings))
    return (particles.box_size, particles.pixel_size), notes


def test_one_grid_stays_as_it_is():
    assert chosen([FINE]) == ((96, 2.4), [])
    assert chosen([FINE], max_resolution=2.0) == ((96, 2.4), [])  # beyond Nyquist, which is checked elsewhere


@pytest.mark.parametrize(
    "settings, grid",
    (
        ({}, (80, 2.88)),
        ({"max_resolution": 6.0}, (80, 2.88)),
        ({"max_resolution": 5.0}, (96, 2.4)),
        ({"target_resolution": 7.0, "max_resolution": 0.0}, (80, 2.88)),
        ({"initial_resolution": 5.5, "max_resolution": 0.0}, (96, 2.4)),
        ({"max_resolution": 7.0, "initial_resolution": 5.0}, (96, 2.4)),
        ({"target_pixel_size": 2.6}, (90, 2.6)),
        ({"target_box": 64}, (64, 2.88)),
        ({"target_box": 100, "target_pixel_size": 2.4}, (100, 2.4)),
        ({"target_pixel_size": 6.0, "max_resolution": 12.0}, (40, 6.0)),
    ),
)
def test_two_grids_become_the_coarsest_that_holds_what_is_asked_for(settings, grid):
    assert chosen([FINE, COARSE], **settings)[0] == grid


def test_what_was_done_is_said():
    _, notes = chosen([FINE, COARSE])
    assert notes == [
        "images of 80 px of 2.88 Å, 96 px of 2.4 Å are brought to 80 px of 2.88 Å",
        "detail finer than 5.76 Å is left out; --target-pixel-size 2.4 keeps it (to 4.8 Å)",
    ]
    assert chosen([FINE, COARSE], target_pixel_size=2.4)[1] == [
        "images of 80 px of 2.88 Å, 96 px of 2.4 Å are brought to 96 px of 2.4 Å"
    ]
    assert chosen([FINE], target_box=80)[1][-1] == "images up to 230 Å wide are cropped to 192 Å"
    assert chosen([OpticsGroup(97, 2.4)]) == ((98, 2.4), ["images of 97 px of 2.4 Å are brought to 98 px of 2.4 Å"])


@pytest.mark.parametrize(
    "settings, words",
    (
        (
            {"target_pixel_size": 2.6, "max_resolution": 5.0},
            "--target-pixel-size 2.6 Å/px holds nothing finer than 5.2 Å, but --max-resolution asks "
            "for 5 Å. Give at most 2.5 Å/px",
        ),
        ({"target_pixel_size": 4.0, "target_resolution": 7.0}, "but --target-resolution asks for 7 Å"),
        ({"target_pixel_size": 2.0}, "--target-pixel-size 2 Å/px is finer than all images (2.4 Å/px) and would add nothing"),
        ({"target_box": 81}, "--target-box 81: expected an even number of at least 16 px. Give 82"),
        ({"target_box": 2}, "--target-box 2: expected an even number of at least 16 px. Give 16"),
    ),
)
def test_grids_that_are_refused(settings, words):
    with pytest.raises(InputError) as caught:
        chosen([FINE, COARSE], **settings)
    assert words in str(caught.value) and "\n" not in str(caught.value)
