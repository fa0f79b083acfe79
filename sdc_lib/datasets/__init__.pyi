"""The public names and the modules they live in; `sdc_lib/datasets/__init__.py` reads this file."""

from .base import LeftOut as LeftOut
from .base import VideoDataset as VideoDataset
from .base import VideoFile as VideoFile
from .clips import EvalClips as EvalClips
from .clips import EvalSample as EvalSample
from .clips import PairClips as PairClips
from .clips import PairSample as PairSample
from .clips import TrainClips as TrainClips
from .clips import TrainSample as TrainSample
from .csv_list import VideoCSV as VideoCSV
from .diving48 import Diving48 as Diving48
from .folder import VideoFolder as VideoFolder
from .folder import sample_clips as sample_clips
from .frames import SampleKey as SampleKey
from .hmdb51 import HMDB51 as HMDB51
from .kinetics400 import Kinetics400 as Kinetics400
from .motion_factors import MotionFactors as MotionFactors
from .motion_factors import make_motion_factors as make_motion_factors
from .names import open_dataset as open_dataset
from .ucf101 import UCF101 as UCF101
