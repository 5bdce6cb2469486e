"""The engine's formulas written out once more, slowly, in double precision: what its kernels are tested against."""

import math

import numpy as np


def relion_matrix(rot, tilt, psi):
    """Matrix (3, 3) of RELION's Euler angles in degrees, as three turns of the axes one after the other."""

    def about_z(angle):
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    about_y = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return about_z(psi) @ about_y @ about_z(rot)


def fourier_sample(image, kx, ky):
    """One Fourier sample of an image (Y, X), phase origin at pixel n // 2."""
    n = len(image)
    total = 0j
    for y in range(n):
        for x in range(n):
            angle = -2 * math.pi * (kx * (x - n // 2) + ky * (y - n // 2)) / n
            total += image[y, x] * complex(math.cos(angle), math.sin(angle))
    return total


def on_one_scale(image, radius):
    """Plane (3,) through the pixels of an image (Y, X) beyond ``radius`` px, their deviation from it, the image in its units.

    The plane is its value at the centre and its rise over a box in x and in y. It is level where the rise explains less than
    ten times what each of the seven polynomials of second and third order does.
    """
    n = len(image)
    y, x = (axis.ravel() - n // 2 for axis in np.mgrid[:n, :n])
    outside = np.hypot(x, y) > radius
    x, y = x / n, y / n
    powers = (0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)
    cubic = np.stack([x**i * y**j for i, j in powers], axis=1)
    fits = {terms: np.linalg.lstsq(cubic[outside, :terms], image.ravel()[outside], rcond=None) for terms in (1, 3, 10)}
    left = {terms: float(fit[1][0]) for terms, fit in fits.items()}
    terms = 3 if (left[1] - left[3]) / 2 > 10 * (left[3] - left[10]) / 7 else 1
    plane = np.zeros(3)
    plane[:terms] = fits[terms][0]
    deviation = math.sqrt(left[terms] / (outside.sum() - terms))
    return plane, deviation, (image - (cubic[:, :3] @ plane).reshape(n, n)) / deviation


def ctf_value(kx, ky, box_size, pixel_size, defocus_u, defocus_v, angle_deg, voltage_kv, cs_mm, contrast, phase_shift_deg):
    """CTF of one sample of one image."""
    wavelength = 12.2643247 / math.sqrt(voltage_kv * 1e3 * (1 + voltage_kv * 1e3 * 0.978466e-6))
    s = math.hypot(kx, ky) / (box_size * pixel_size)
    cosine = math.cos(2 * (math.atan2(ky, kx) - math.radians(angle_deg)))
    defocus = (defocus_u + defocus_v) / 2 + (defocus_u - defocus_v) / 2 * cosine
    phase = math.pi * wavelength * defocus * s**2 - math.pi / 2 * cs_mm * 1e7 * wavelength**3 * s**4
    return math.sin(phase + math.radians(phase_shift_deg) + math.asin(contrast))


def gmm_sample(gmm, frequency):
    """Transform of a GMM at one frequency (3,) in 1/Å, Gaussian by Gaussian; origin at the centre, units × Å³."""
    total = 0j
    for number in range(len(gmm)):
        width, (x, y, z) = gmm.widths[number], gmm.centers[number]
        mass = gmm.amplitudes[number] * (2 * math.pi) ** 1.5 * width**3
        decay = math.exp(-2 * math.pi**2 * width**2 * sum(q * q for q in frequency))
        angle = -2 * math.pi * (frequency[0] * x + frequency[1] * y + frequency[2] * z)
        total += mass * decay * complex(math.cos(angle), math.sin(angle))
    return total


def gaussian_map(gmm, box_size, pixel_size):
    """Map (Z, Y, X) of a GMM, voxel by voxel in real space."""
    volume = np.zeros((box_size,) * 3)
    axis = (np.arange(box_size) - box_size // 2) * pixel_size
    for (x, y, z), amplitude, width in zip(gmm.centers, gmm.amplitudes, gmm.widths):
        for index, height in enumerate(axis):
            plane = (axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2 + (height - z) ** 2
            volume[index] += amplitude * np.exp(-plane / (2 * width**2))
    return volume


def projection(gmm, disc, pixel_size, rotation, moment=None):
    """Samples (K,) of the centred projection of a GMM, Gaussian by Gaussian.

    ``moment`` 0, 1 or 2 weights every Gaussian by its rotated coordinate x, y or z in px.
    """
    samples = np.zeros(len(disc.kx), complex)
    per_px = 2 * np.pi / disc.box_size
    k2 = (disc.kx.astype(float) ** 2 + disc.ky.astype(float) ** 2) * per_px**2
    for center, amplitude, width in zip(gmm.centers, gmm.amplitudes, gmm.widths):
        x, y, z = rotation @ center / pixel_size
        sigma = width / pixel_size
        mass = amplitude * (2 * np.pi) ** 1.5 * sigma**3
        weight = 1.0 if moment is None else (x, y, z)[moment]
        samples += weight * mass * np.exp(-0.5 * sigma**2 * k2 - 1j * per_px * (disc.kx * x + disc.ky * y))
    return samples


def image(gmm, disc, pixel_size, rotation, shift, ctf=1.0):
    """Samples (K,) of a noise-free image: projection, moved by minus ``shift`` (Å), times ``ctf`` (K,)."""
    phase = 2 * np.pi * (disc.kx * shift[0] + disc.ky * shift[1]) / (disc.box_size * pixel_size)
    return ctf * projection(gmm, disc, pixel_size, rotation) * np.exp(1j * phase)


def log_likelihood(data, model, ring, scale, precision):
    """Log-likelihood of a raw image's samples (K,) given the model's, relative to that of no model at all."""
    total = 0.0
    for number in range(len(data)):
        w, a = precision[ring[number]], scale[ring[number]]
        total += w / 2 * (abs(data[number]) ** 2 - abs(data[number] - a * model[number]) ** 2)
    return total


def ring_correlation(a, b, ring, lowest):
    """Mean over rings ``lowest`` … of the correlation of two sets of samples (K,)."""
    values = []
    for number in range(lowest, int(ring.max()) + 1):
        members = ring == number
        cross = np.sum((a[members] * np.conj(b[members])).real)
        values.append(cross / math.sqrt(np.sum(np.abs(a[members]) ** 2) * np.sum(np.abs(b[members]) ** 2)))
    return float(np.mean(values))


def voxel_shells(box_size):
    """Every voxel of the full transform as (index z y x, shell)."""
    frequency = [k if k < box_size - box_size // 2 else k - box_size for k in range(box_size)]
    for z in range(box_size):
        for y in range(box_size):
            for x in range(box_size):
                radius = math.sqrt(frequency[z] ** 2 + frequency[y] ** 2 + frequency[x] ** 2)
                yield (z, y, x), int(np.rint(radius))


def shell_correlation(map_a, map_b):
    """FSC (S,) of two maps, shells 0 … n / 2, over every voxel of the full transform."""
    n = len(map_a)
    a, b = np.fft.fftn(map_a), np.fft.fftn(map_b)
    sums = np.zeros((3, n // 2 + 1))
    for voxel, shell in voxel_shells(n):
        if shell <= n // 2:
            sums[:, shell] += (a[voxel] * b[voxel].conjugate()).real, abs(a[voxel]) ** 2, abs(b[voxel]) ** 2
    return sums[0] / np.sqrt(sums[1] * sums[2])


def trilinear_sums(images, ctfs, rotations, shifts, disc, pixel_size, side):
    """Images × CTF and CTF², both mates of every sample spread over the eight cells around it.

    Returns
    -------
    tuple
        (side, side, side) complex and float, axes z y x in the order of ``fftn``.
    """
    numerator, weight = np.zeros((side,) * 3, complex), np.zeros((side,) * 3)
    for data, ctf, rotation, shift in zip(images, ctfs, rotations, shifts):
        for number in range(len(disc.kx)):
            kx, ky = int(disc.kx[number]), int(disc.ky[number])
            angle = -2 * math.pi * (kx * shift[0] + ky * shift[1]) / (disc.box_size * pixel_size)
            value = data[number] * ctf[number] * complex(math.cos(angle), math.sin(angle))
            for sign, contribution in ((1, value), (-1, value.conjugate())):
                q = sign * (kx * rotation[0] + ky * rotation[1]) * side / disc.box_size
                low = np.floor(q).astype(int)
                for corner in np.ndindex(2, 2, 2):
                    share = np.prod(1 - np.abs(q - low - corner))
                    x, y, z = (low + corner) % side
                    numerator[z, y, x] += share * contribution
                    weight[z, y, x] += share * ctf[number] ** 2
    return numerator, weight


def trilinear(data, place):
    """Value of a volume (Z, Y, X) at a place (x, y, z) in voxels, between the eight voxels around it."""
    low = [min(int(math.floor(value)), size - 2) for value, size in zip(place, data.shape[::-1])]
    total = 0.0
    for corner in np.ndindex(2, 2, 2):
        share = 1.0
        for axis in range(3):
            part = place[axis] - low[axis]
            share *= part if corner[axis] else 1 - part
        total += share * data[low[2] + corner[2], low[1] + corner[1], low[0] + corner[0]]
    return total


def q_score(atom, positions, data, voxel_sizes, origin, sigma):
    """Q-score of one atom, point by point, as the original program goes about it."""

    def density(point):
        return trilinear(data, [(point[axis] - origin[axis]) / voxel_sizes[axis] for axis in range(3)])

    values, gaussian = [density(positions[atom])] * 8, [1.0] * 8
    for number in range(1, 21):
        radius = number / 10
        for attempt in range(50):
            points = [positions[atom] + radius * direction for direction in spiral(8 + 2 * attempt)]
            free = [
                point
                for point in points
                if all(other == atom or math.dist(point, positions[other]) >= 0.9 * radius for other in range(len(positions)))
            ]
            if len(free) >= 8:
                values += [density(point) for point in free]
                gaussian += [math.exp(-(radius**2) / (2 * sigma**2))] * len(free)
                break
    return np.corrcoef(values, gaussian)[0, 1]


def spiral(count):
    """Directions from pole to pole on a spiral."""
    directions, angle = [], 0.0
    for number in range(count):
        height = -1 + 2 * number / (count - 1)
        if number in (0, count - 1):
            angle = 0.0
        else:
            angle = (angle + 3.6 / math.sqrt(count * (1 - height**2))) % (2 * math.pi)
        across = math.sqrt(max(0.0, 1 - height**2))
        directions.append(np.array([across * math.cos(angle), across * math.sin(angle), height]))
    return directions


def local_correlation(map_a, map_b, mask, voxel, center, half_width, window):
    """Correlation of two maps in a band of ln frequency around a voxel, with whole-box transforms and sums over all voxels.

    Parameters
    ----------
    map_a, map_b, mask : (Z, Y, X) float
    voxel : (3,) int
        z, y, x.
    center, half_width : float
        Middle of the band in shells, and the distance in ln frequency at which its squared cosine ends.
    window : float
        Standard deviation of the Gaussian window in px; the box repeats.
    """
    n = len(map_a)
    k = np.fft.fftfreq(n) * n
    radius = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2)
    distance = np.log(np.maximum(radius, 1e-9) / center) / half_width
    band = np.where(np.abs(distance) < 1, np.cos(np.pi / 2 * distance) ** 2, 0)
    a, b = (np.fft.ifftn(np.fft.fftn(volume) * band).real for volume in (map_a, map_b))
    weight = np.array(mask, float)
    for axis, place in enumerate(voxel):
        away = (np.arange(n) - place)[:, None] + n * np.arange(-2, 3)
        line = np.exp(-0.5 * (away / window) ** 2).sum(axis=1)
        weight = weight * line.reshape([-1 if other == axis else 1 for other in range(3)])
    return (weight * a * b).sum() / np.sqrt((weight * a * a).sum() * (weight * b * b).sum())
