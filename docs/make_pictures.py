"""Makes the pictures of the documentation: simulates small data, runs the engine on them, draws.

Usage: python docs/make_pictures.py [folder for the data]

Some minutes on two cores. A run that is finished in the folder is not repeated. The windows of Scipion are pictured by
docs/picture_windows.py, the notebooks by docs/run_notebooks.py.
"""

import gzip
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from draw_iteration import draw_iteration
from scipy.ndimage import zoom

import gmmrefine as gr
from gmmrefine.figures.figure import new_panels, save_figure
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import read_grid, read_map, write_map
from gmmrefine.results import Result

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
FINE = {"particles": 500, "box": 72, "pixel_size": 2.4, "snr": 0.2}  # what a refinement improves
COARSE = {"particles": 240, "box": 36, "pixel_size": 4.8, "snr": 2, "pose_error": 0.2, "shift_error": 0.1, "seed": 5}
SWING = "chain A and 1208-1440 about chain A and 1204-1210: -15..15"
REGION = {"focus_selection": "chain A and 1208-1440", "focus_edge": 1}
LEARNING = {
    "target_resolution": 14,
    "gaussians": 100,
    "fit_evaluations": 12,
    "anchors": 6,
    "latent_size": 1,
    "epochs": 24,
    "training_batch": 6,
    "training_rate": 3e-3,
}
QUICK = {"gaussians": 120, "fit_evaluations": 12, "max_resolution": 13, "march": "1.0"}
LOST = "ATP 1503"
AUDIT_PIXEL, AUDIT_WIDTH = 1.2, 1.1  # Å; of the atoms of the map that is audited
SMALL = 110  # dots per inch


def main(folder):
    """Make all runs that are missing, and all pictures."""
    PICTURES.mkdir(exist_ok=True)
    draw_iteration(PICTURES / "iteration.svg")
    refined = refinement(folder)
    report(refined)
    maps(folder, refined)
    conformations(folder)
    audit(folder)
    symmetry(folder)
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} kB")


def made(command, output, *inputs, **settings):
    """Result of a command, run where its folder has none yet."""
    name = command.__name__.replace("_", "-")
    if (output / "finished").exists():
        return Result(output, name)
    result = command(*inputs, output, **settings)
    (output / "finished").touch()
    return result


def refinement(folder):
    """A refinement that helps and one that cannot; gives the first."""
    data = made(gr.simulate, folder / "fine", "6msm", **FINE)
    start = made(gr.reconstruct, folder / "start", data.path("particles.star"))
    refined = made(gr.refine, folder / "refined", data.path("particles.star"), iterations=2)
    poor = made(gr.simulate, folder / "poor", "6msm", **{**COARSE, "particles": 60, "snr": 0.02, "pose_error": 8})
    lost = made(gr.refine, folder / "lost", poor.path("particles.star"), iterations=1, **QUICK)
    shown = {}
    for name, result in (("before", start), ("after", refined)):
        made(gr.sharpen, folder / f"sharp_{name}", result.path("map.mrc"), low_pass=result.values["resolution"], b_factor=100)
        mild = made(
            gr.sharpen, folder / f"blurred_{name}", result.path("map.mrc"), low_pass=result.values["resolution"], b_factor=-60
        )
        shown[f"{name}: {result.values['resolution']:.1f} Å"] = mild.volume("sharpened.mrc").data * refined.mask.data
    gmm_of_map(folder, data)
    draw_surfaces(PICTURES / "before_after.png", shown)
    draw_good_and_bad_fsc(PICTURES / "refine_fsc.png", refined, lost)
    draw_pose_changes(PICTURES / "refine_changes.png", refined, lost)
    return refined


def surface(volume, level):
    """A lit surface of a map seen along y, (rows, columns) from 0 (dark) to 1, NaN where there is none."""
    fine = zoom(volume, 4, order=3)
    above = fine > level
    first = above.argmax(axis=1)
    depth = np.where(above.any(axis=1), first, np.nan).astype(float)
    values = np.take_along_axis(fine, first[:, None], 1)[:, 0]
    before = np.take_along_axis(fine, np.maximum(first - 1, 0)[:, None], 1)[:, 0]
    depth -= np.clip((values - level) / np.maximum(values - before, 1e-9), 0, 1)  # between two voxels
    gradient = np.stack([np.take_along_axis(each, first[:, None], 1)[:, 0] for each in np.gradient(fine)])
    facing = gradient / np.maximum(np.linalg.norm(gradient, axis=0), 1e-9)
    light = np.array([-0.35, 0.8, 0.45])
    lit = np.clip(np.tensordot(light / np.linalg.norm(light), facing, 1), 0, 1)
    near = 1 - 0.45 * (depth - np.nanmin(depth)) / (np.nanmax(depth) - np.nanmin(depth))
    return np.where(np.isnan(depth), np.nan, near * (0.25 + 0.75 * lit))


def draw_surfaces(path, volumes):
    """Surfaces of maps side by side, each round the same volume."""
    figure, [panels] = new_panels((3.4 * len(volumes), 4.6), 1, len(volumes))
    figure.set_dpi(SMALL)
    for (name, volume), axes in zip(volumes.items(), panels):
        axes.imshow(surface(volume, np.percentile(volume, 97))[:, 40:-40], cmap="bone", vmin=0, vmax=1.02, origin="lower")
        axes.set_title(name, fontsize=13)
        axes.axis("off")
    save_figure(figure, path)


def draw_good_and_bad_fsc(path, good, bad):
    """FSC of the iterations of a run that improves and of one that has too little to go by."""
    figure, panels = two_panels()
    titles = "good: it moves out and falls to 0", "bad: too few, too noisy images, and no gain"
    for axes, result, title in zip(panels, (good, bad), titles):
        for folder in sorted((result.folder / "iterations").iterdir()):
            if (folder / "fsc.star").exists():
                curves = Result(folder, "refine").fsc
                axes.plot(curves["gmmFrequency"], curves["gmmFsc"], label=f"iteration {int(folder.name)}")
        axes.axhline(0.143, color="grey", linestyle="--", linewidth=1)
        axes.set(title=title, xlabel="spatial frequency (1/Å)", ylabel="FSC", ylim=(-0.15, 1.05))
        axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def draw_pose_changes(path, good, bad):
    """Histograms of how far particles turned."""
    figure, panels = two_panels()
    for axes, result, title in zip(panels, (good, bad), ("good: one hump", "bad: nothing moves, the images say too little")):
        changes = result.table("particles.star")["particles"].strings("gmmRotationChange")
        axes.hist(np.array(changes, float), bins=np.linspace(0, 7, 36), color="C0")
        axes.set(title=title, xlabel="rotation (°)", ylabel="particles")
    save_figure(figure, path)


def two_panels():
    """A small figure and its two panels."""
    figure, [panels] = new_panels((9, 3.2), 1, 2)
    figure.set_dpi(SMALL)
    return figure, panels


def report(refined):
    """The report of the refinement, packed: docs/site_hooks.py unpacks it."""
    page = Path(refined.report()).read_bytes()
    with open(HERE / "report_example.html.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(page)


def maps(folder, refined):
    """What is made of half maps: local resolution, sharpening, density modification."""
    halves = refined.path("half_map_1.mrc"), refined.path("half_map_2.mrc")
    modified = made(gr.modify, folder / "modified", *halves)
    keep(modified, "figures/slices.png", "modify_slices.png")
    keep(Result(folder / "sharp_after", "sharpen"), "figures/guinier.png", "sharpen_guinier.png")
    sharpened = read_map(Result(folder / "sharp_after", "sharpen").path("sharpened.mrc"))
    resolution = refined.values["resolution"]
    beyond = made(gr.sharpen, folder / "too_sharp", refined.path("map.mrc"), low_pass=4.9, b_factor=400)
    draw_slices(
        PICTURES / "sharpen_slices.png",
        {
            "unmodified": refined.map.data,
            f"good: to its {resolution:.1f} Å": sharpened.data,
            "bad: B factor of 400 Å²": read_map(beyond.path("sharpened.mrc")).data,
        },
    )


def gmm_of_map(folder, data):
    """FSC of a map with a GMM of as many Gaussians as it takes, and with one of far too few."""
    figure, [[axes]] = new_panels((5.5, 3.4), 1, 1)
    figure.set_dpi(SMALL)
    for name, count in (("good: auto", "auto"), ("bad: 60 Gaussians", 60)):
        built = made(gr.build, folder / f"built_{count}", data.path("truth.mrc"), gaussians=count, resolution=6)
        block = next(iter(built.table("gmm_fsc.star").values()))
        axes.plot(block.numbers("gmmFrequency"), block.numbers("gmmFsc"), label=name)
    axes.axvline(1 / 6, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="spatial frequency (1/Å)", ylabel="FSC of GMM and map", xlim=(0, 0.2), ylim=(0, 1.05))
    axes.legend(frameon=False)
    save_figure(figure, PICTURES / "build_fsc.png")


def symmetry(folder):
    """A trimer: its particles expanded, one unit refined, and the symmetry put back."""
    data = made(gr.simulate, folder / "trimer", "6msm", symmetry="C3", **{**COARSE, "particles": 120, "box": 48})
    start = made(gr.reconstruct, folder / "trimer_start", data.path("particles.star"), symmetry="C3")
    expanded = made(gr.expand_symmetry, folder / "expanded", data.path("particles.star"), symmetry="C3")
    unit = made(
        gr.refine,
        folder / "unit",
        expanded.path("particles.star"),
        focus_model=data.path("model.cif"),
        focus_selection="chain A",
        iterations=1,
        **QUICK,
    )
    whole = made(
        gr.impose_symmetry,
        folder / "whole",
        [unit.folder],
        mask=unit.path("focus_mask.mrc"),
        symmetry="C3",
        background=start.folder,
    )
    draw_slices(
        PICTURES / "symmetry_slices.png",
        {"global map": start.map.data, "one unit refined": unit.map.data, "symmetry put back": whole.map.data},
        axis=0,
    )


def keep(result, name, picture):
    """Copy a figure of a run, with fewer dots."""
    from PIL import Image

    with Image.open(result.path(name)) as image:
        width = min(image.width, 1000)
        small = image.convert("RGB").resize((width, round(image.height * width / image.width)))
        small.quantize(128).save(PICTURES / picture, optimize=True)


def draw_slices(path, volumes, axis=1):
    """Middle slices of maps side by side."""
    figure, [panels] = new_panels((3.3 * len(volumes), 3.6), 1, len(volumes))
    figure.set_dpi(SMALL)
    for (name, volume), axes in zip(volumes.items(), panels):
        low, high = np.percentile(volume, (1, 99.9))
        axes.imshow(volume.take(len(volume) // 2, axis=axis), cmap="Greys", vmin=low, vmax=high, origin="lower")
        axes.set(title=name, xticks=[], yticks=[])
    save_figure(figure, path)


def conformations(folder):
    """A domain that swings and a molecule that does not: what is learned of each, and what to do with the first."""
    swinging = made(gr.simulate, folder / "swinging", "6msm", swing=SWING, **COARSE)
    rigid = made(gr.simulate, folder / "rigid", "6msm", **COARSE)
    learned = {}
    for name, data in (("swinging", swinging), ("rigid", rigid)):
        learned[name] = made(
            gr.heterogeneity,
            folder / f"learned_{name}",
            data.path("particles.star"),
            focus_model=data.path("model.cif"),
            **REGION,
            **LEARNING,
        )
        keep(learned[name], "training.png", f"training_{name}.png")
        keep(learned[name], "latent.png", f"latents_{name}.png")
        print(f"{name}: {learned[name].values['verdict']}")
    start = made(gr.reconstruct, folder / "swinging_start", swinging.path("particles.star"))
    noisy = made(gr.simulate, folder / "noisy", "6msm", swing=SWING, **{**COARSE, "box": 48, "pixel_size": 3.2, "snr": 0.3})
    blurred = made(gr.reconstruct, folder / "noisy_start", noisy.path("particles.star"))
    local = made(gr.local_resolution, folder / "local", blurred.path("half_map_1.mrc"), blurred.path("half_map_2.mrc"))
    keep(local, "figures/local_resolution.png", "local_resolution.png")
    converted = made(
        gr.conformation_to_pose,
        folder / "converted",
        learned["swinging"].folder,
        iterations=1,
        max_resolution=14,
        gaussians=100,
        fit_evaluations=12,
    )
    focused = made(
        gr.refine,
        folder / "focused",
        swinging.path("particles.star"),
        focus_model=swinging.path("model.cif"),
        **REGION,
        **{**QUICK, "max_resolution": 14},
        iterations=1,
    )
    draw_slices(
        PICTURES / "region_slices.png",
        {"global poses": start.map.data, "focused": focused.map.data, "conformation to pose": converted.map.data},
    )
    patches = made(
        gr.refine_patches, folder / "patches", swinging.path("particles.star"), patches=2, patch_iterations=1, **QUICK
    )
    draw_slices(
        PICTURES / "patches_slices.png",
        {
            "global map": start.map.data,
            "composite": read_map(patches.path("composite.mrc")).data,
            "seams (dark: the parts differ)": read_map(patches.path("seams.mrc")).data,
        },
    )


def audit(folder):
    """A map that has lost its ATP, next to one that has everything."""
    atoms = read_atoms(embedded_model())
    names = np.array([atoms.residue_label(atom) for atom in range(len(atoms))])
    gone = np.array([name.endswith(LOST) for name in names])
    complete, without = folder / "complete.mrc", folder / "without.mrc"
    if not without.exists():
        folder.mkdir(exist_ok=True)
        for path, kept in ((complete, np.ones(len(atoms), bool)), (without, ~gone)):
            data, origin = map_of_atoms(atoms.positions, atoms.atomic_numbers * kept)
            write_map(path, data, AUDIT_PIXEL, origin)
    audited = made(gr.audit, folder / "audited", embedded_model(), complete, [without])
    keep(audited, "figures/copies.png", "audit_copies.png")
    keep(audited, "figures/changes.png", "audit_changes.png")
    scored = made(gr.qscore, folder / "scored", embedded_model(), complete)
    keep(scored, "figures/classes.png", "qscore_classes.png")
    moved = folder / "moved.mrc"
    if not moved.exists():
        grid = read_grid(complete)
        write_map(moved, grid.data, AUDIT_PIXEL, grid.origin + [2, 0, 0])
    misfit = made(gr.qscore, folder / "misfit", embedded_model(), moved, place_from="header")
    keep(misfit, "figures/classes.png", "qscore_misfit.png")
    shown = {"unmodified": read_grid(complete), "modified: the ATP is lost": read_grid(without)}
    draw_around(PICTURES / "audit_slices.png", shown, atoms.positions[gone].mean(axis=0))


def map_of_atoms(positions, heights):
    """Density (Z, Y, X) of atoms as Gaussians with some noise, and the place of its first voxel in Å."""
    from scipy.ndimage import gaussian_filter

    origin = np.floor(positions.min(axis=0)) - 8
    shape = np.ceil((positions.max(axis=0) + 8 - origin) / AUDIT_PIXEL).astype(int)
    points = np.zeros(shape[::-1])
    place = np.rint((positions - origin) / AUDIT_PIXEL).astype(int)
    np.add.at(points, (place[:, 2], place[:, 1], place[:, 0]), heights)
    density = gaussian_filter(points, AUDIT_WIDTH / AUDIT_PIXEL)
    noise = np.random.default_rng(1).normal(0, 0.1 * density.std(), density.shape)
    return (density + noise).astype(np.float32), origin


def draw_around(path, volumes, place, reach=14):
    """Slices through a place (x, y, z) in Å."""
    figure, panels = two_panels()
    for (name, volume), axes in zip(volumes.items(), panels):
        z, y, x = np.rint((place - volume.origin) / volume.voxel_sizes).astype(int)[::-1]
        near = volume.data[max(z - 1, 0) : z + 2].max(axis=0)[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach]
        axes.imshow(near, cmap="Greys", vmin=0, vmax=np.percentile(volume.data, 99.9), origin="lower", interpolation="bicubic")
        axes.set(title=name, xticks=[], yticks=[])
    save_figure(figure, path)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        scratch = tempfile.mkdtemp()
        main(Path(scratch))
        shutil.rmtree(scratch)
