# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""
@article{Chen2023,
author = {Chen, Muyuan and Schmid, Michael F. and Chiu, Wah},
title = {Improving resolution and resolvability of single-particle cryoEM structures using Gaussian mixture models},
journal = {Nature Methods},
year = {2023},
volume = {21},
pages = {37--40},
doi = {10.1038/s41592-023-02082-9}
}

@article{Chen2021,
author = {Chen, Muyuan and Ludtke, Steven J.},
title = {Deep learning-based mixed-dimensional Gaussian mixture model for characterizing variability in cryo-EM},
journal = {Nature Methods},
year = {2021},
volume = {18},
pages = {930--936},
doi = {10.1038/s41592-021-01220-5}
}

@article{Rosenthal2003,
author = {Rosenthal, Peter B. and Henderson, Richard},
title = {Optimal determination of particle orientation, absolute hand, and contrast loss in single-particle electron cryomicroscopy},
journal = {Journal of Molecular Biology},
year = {2003},
volume = {333},
pages = {721--745},
doi = {10.1016/j.jmb.2003.07.013}
}

@article{Pintilie2020,
author = {Pintilie, Grigore and Zhang, Kaiming and Su, Zhaoming and Li, Shanshan and Schmid, Michael F. and Chiu, Wah},
title = {Measurement of atom resolvability in cryo-EM maps with Q-scores},
journal = {Nature Methods},
year = {2020},
volume = {17},
pages = {328--334},
doi = {10.1038/s41592-020-0731-1}
}

@article{Berkeley2024,
author = {Berkeley, Raymond F. and Cook, Brian D. and Herzik, Mark A.},
title = {Machine learning approaches to cryoEM density modification differentially affect biomacromolecule and ligand density quality},
journal = {Frontiers in Molecular Biosciences},
year = {2024},
volume = {11},
pages = {1404885},
doi = {10.3389/fmolb.2024.1404885}
}

@article{Terwilliger2020,
author = {Terwilliger, Thomas C. and Ludtke, Steven J. and Read, Randy J. and Adams, Paul D. and Afonine, Pavel V.},
title = {Improvement of cryo-EM maps by density modification},
journal = {Nature Methods},
year = {2020},
volume = {17},
pages = {923--927},
doi = {10.1038/s41592-020-0914-9}
}

@article{Jakobi2017,
author = {Jakobi, Arjen J. and Wilmanns, Matthias and Sachse, Carsten},
title = {Model-based local density sharpening of cryo-EM maps},
journal = {eLife},
year = {2017},
volume = {6},
pages = {e27131},
doi = {10.7554/eLife.27131}
}
"""
