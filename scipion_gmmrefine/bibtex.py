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
"""
