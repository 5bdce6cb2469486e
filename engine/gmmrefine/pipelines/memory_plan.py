"""The memory that a refinement takes, told before it begins."""

# measured with one iteration at boxes of 64, 128 and 240 px: 0.89, 1.14 and 2.83 GB, on a straight line over voxels
_PROGRAM_MB = 850  # Python, TensorFlow, compiled kernels
_BYTES_OF_A_VOXEL = 145  # maps, their transforms, the Fourier grid
_BYTES_OF_A_PARTICLE = 10_000  # its row, and what the allocator keeps
_BYTES_OF_A_GAUSSIAN = 30_000  # its neighbourhood on the grid of a fit, and slopes
_MARGIN = 1.15
LARGEST_MEASURED_BOX = 240


def planned_memory_mb(gaussians, box_size, particles):
    """Peak memory (MB) of a refinement, with a margin of 15 %.

    Parameters
    ----------
    gaussians : int
        In each half's GMM.
    box_size : int
        px
    particles : int
        Of both half sets.
    """
    of_data = _BYTES_OF_A_VOXEL * box_size**3 + _BYTES_OF_A_PARTICLE * particles + _BYTES_OF_A_GAUSSIAN * gaussians
    return _MARGIN * (_PROGRAM_MB + of_data / 2**20)
