"""Every user setting once: name, default, unit and help, for the command line, the Scipion forms and the docs."""

from gmmrefine.settings.table_images import *
from gmmrefine.settings.table_maps import *
from gmmrefine.settings.table_poses import *
