"""The words for what an audit found, made of run.json: on the screen, in reports, and, as they are kept there, in Scipion."""

from gmmrefine.pipelines.map_quality import map_lines
from gmmrefine.pipelines.model_notes import some
from gmmrefine.validation.map_character import is_noise_raised

NOT_JUDGED = "copies are not judged"


def verdict_lines(reference, found, quality, quality_of_reference):
    """What must be known of a modified map before its copies, list of str; that the polymer fell is the first.

    Parameters
    ----------
    reference : str
        Of the map that it is compared with.
    found : dict
        ``polymer_q_reference``, ``polymer_q``, ``polymer_fell``, ``is_judged``, and ``orientation`` where there is one.
    quality, quality_of_reference : dict
        ``MapQuality.results``.
    """
    lines, noisy = [], is_noise_raised(quality["noise_rise"], quality_of_reference["noise_rise"])
    change = f"mean Q {found['polymer_q_reference']:.3f} → {found['polymer_q']:.3f}"
    where = found.get("orientation")
    if found["polymer_fell"]:
        cause = (
            ""
            if where or noisy
            else (
                "; no other orientation explains it: another conformation, a much coarser filter, noise raised by "
                "sharpening, or another grey scale (values cut or bent)"
            )
        )
        lines.append(f"the polymer itself fell: {change}{cause}; {NOT_JUDGED}")
    if where:
        lines.append(
            f"{where['words']} against {reference} (correlation {where['correlation']:.2f} so, {where['in_place']:.2f} as "
            f"it is); resampling it onto {reference} in that orientation would cure it"
            + ("" if found["polymer_fell"] else f"; the polymer: {change}; {NOT_JUDGED}")
        )
    return lines + map_lines(quality, quality_of_reference["noise_rise"])


def copies_line(counts, lost, parts, is_judged=True):
    """One sentence on the copies of a map and its lost parts."""
    if not is_judged:
        return f"{sum(counts.values())} {NOT_JUDGED}" if sum(counts.values()) else NOT_JUDGED
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no copies to judge"
    return said + (f"; lost: {', '.join(lost)}" if lost else "") + (f"; parts lost: {some(parts, '')}" if parts else "")


def audit_lines(results):
    """What must be known before anything else, list of str: first that the polymer itself fell, then what was done to maps."""
    found = [(name, line) for name, each in results["verdicts"].items() for line in each["lines"]]
    found += [(results["reference"], line) for line in results["about_reference"]]
    fell = [each for each in found if results["verdicts"].get(each[0], {}).get("polymer_fell")]
    return [f"{name}: {line}" for name, line in fell + [each for each in found if each not in fell]]
