"""B factors, Guinier fits and radial amplitudes."""

import numpy as np
import pytest
from half_and_half import globule

from gmmrefine.errors import InputError
from gmmrefine.fourier.shells import shell_sums
from gmmrefine.maps.sharpen import amplitudes, guinier_fit, with_profile, without_b_factor

BOX, PIXEL_SIZE = 64, 1.5


@pytest.fixture(scope="module")
def ball():
    return globule(BOX, PIXEL_SIZE, np.random.default_rng(4))


def shell_amplitudes(volume):
    n = len(volume)
    count = shell_sums(np.ones((n, n, n // 2 + 1)), n)
    return np.sqrt(shell_sums(np.abs(np.fft.rfftn(volume)) ** 2, n) / count)


def test_taking_out_a_b_factor_undoes_the_blur(ball):
    blurred = without_b_factor(ball[0], -80.0, PIXEL_SIZE)
    k = np.arange(BOX // 2 + 1) / (BOX * PIXEL_SIZE)
    ratio = shell_amplitudes(blurred)[1:] / shell_amplitudes(ball[0])[1:]
    assert ratio == pytest.approx(np.exp(-80 * k[1:] ** 2 / 4), rel=0.02)
    assert without_b_factor(blurred, 80.0, PIXEL_SIZE) == pytest.approx(ball[0], abs=1e-3)


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("b_factor", [50.0, 100.0, 200.0])
def test_b_factor_of_a_blurred_map_within_ten_percent(ball, rng, b_factor, noise):
    molecule, mask = ball
    volume = without_b_factor(molecule, -b_factor, PIXEL_SIZE)
    volume = volume + noise * volume[mask > 0.5].std() * rng.standard_normal(volume.shape, np.float32)
    fit = guinier_fit(amplitudes(volume, mask, PIXEL_SIZE), 10.0, 3.5)
    assert fit.b_factor == pytest.approx(b_factor, rel=0.1)
    frequency = fit.shells / (BOX * PIXEL_SIZE)
    assert frequency[0] == pytest.approx(1 / 10, abs=1 / 96) and frequency[-1] <= 1 / 3.5


def test_noise_does_not_pass_for_signal(ball, rng):
    """Without the solvent's power taken off, noise would flatten the end of the plot."""
    molecule, mask = ball
    volume = without_b_factor(molecule, -150.0, PIXEL_SIZE)
    deviation = 0.25 * volume[mask > 0.5].std()
    noisy = volume + deviation * rng.standard_normal(volume.shape, np.float32)
    clean, found = (amplitudes(each, mask, PIXEL_SIZE) for each in (volume, noisy))
    shells = np.arange(8, 20)  # 12 to 5 Å
    assert found.signal[shells] == pytest.approx(clean.signal[shells], rel=0.2)
    assert found.total[3:] == pytest.approx(np.hypot(clean.total, deviation)[3:], rel=0.1)
    assert found.total[28] > 1.3 * clean.total[28]
    assert found.frequency[-1] == pytest.approx(1 / (2 * PIXEL_SIZE))


def test_a_range_without_signal_is_refused(ball, rng):
    noise = amplitudes(rng.standard_normal(ball[0].shape), ball[1], PIXEL_SIZE)
    with pytest.raises(InputError, match="from 10.0 to 4.0 Å only . of 15 shells hold more than noise; .* Give --b-factor"):
        guinier_fit(noise, 10.0, 4.0)
    with pytest.raises(InputError, match="from 10.0 to 8.5 Å only 2 of 2 shells"):
        guinier_fit(amplitudes(*ball, PIXEL_SIZE), 10.0, 8.5)


def test_a_map_gets_the_amplitudes_it_is_given(ball):
    molecule, _ = ball
    blurred = without_b_factor(molecule, -120.0, PIXEL_SIZE)
    whole = np.ones_like(molecule)
    own, target = (amplitudes(each, whole, PIXEL_SIZE).total for each in (blurred, molecule))
    result = with_profile(blurred, own, target, 20)
    after = amplitudes(result, whole, PIXEL_SIZE).total
    assert after[2:20] == pytest.approx(target[2:20], rel=0.03)
    assert after[25] / own[25] == pytest.approx(target[20] / own[20], rel=0.05)  # the gain is not carried on beyond
