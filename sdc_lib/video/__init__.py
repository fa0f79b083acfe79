"""Video files: read exact frames, write, check and copy them.

Nothing here imports torch, so that the child processes which check files start at once.
"""

from sdc_lib.video.check import check_video
from sdc_lib.video.choose import video_backend
from sdc_lib.video.error import PathLike, VideoError
from sdc_lib.video.info import VideoInfo, probe
from sdc_lib.video.read import read_clip, sample_clip
from sdc_lib.video.write import write_video

__all__ = [
    "PathLike",
    "VideoError",
    "VideoInfo",
    "check_video",
    "probe",
    "read_clip",
    "sample_clip",
    "video_backend",
    "write_video",
]
