"""Every user setting once, and the settings of each command, for the command line, the Scipion forms and the docs.

Standard library only, so that the Scipion plugin can read it without TensorFlow.
"""

from gmmrefine.settings.commands import *
from gmmrefine.settings.concerns import *
from gmmrefine.settings.kinds import *
from gmmrefine.settings.resolutions import *
from gmmrefine.settings.setting import NONE as NONE
from gmmrefine.settings.setting import Setting as Setting
from gmmrefine.settings.spelling import spelled as spelled
from gmmrefine.settings.table import *
