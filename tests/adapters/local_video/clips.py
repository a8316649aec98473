"""Small films made by FFmpeg, each once per run, and what else people upload."""

import subprocess
from functools import cached_property
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())

_QUICKLY = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")


class Clips:
    """Each property is the path of a film; `testsrc2` moves in every picture, so that no two are alike."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, *arguments: str) -> Path:
        path = self.folder / name
        subprocess.run((str(FFMPEG), "-v", "error", "-nostdin", "-y", *arguments, str(path)), check=True, timeout=60)
        return path

    def filmed(
        self, name: str, size: str, seconds: float, *options: str, rate: str = "30", sound: float | None = None
    ) -> Path:
        pictures = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")
        tone = ("-f", "lavfi", "-i", f"sine=duration={sound}") if sound else ()
        return self.make(name, *pictures, *tone, *(options or _QUICKLY))

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    @cached_property
    def landscape(self) -> Path:
        return self.filmed("landscape.mp4", "854x480", 6, sound=6)

    @cached_property
    def full_hd(self) -> Path:
        return self.filmed("full_hd.mp4", "1920x1080", 0.4)

    @cached_property
    def portrait(self) -> Path:
        return self.filmed("portrait.mp4", "270x480", 1, sound=1)

    @cached_property
    def small(self) -> Path:
        return self.filmed("small.mp4", "320x180", 3, sound=3)

    @cached_property
    def rotated(self) -> Path:
        """Filmed upright with a phone: stored lying, with the order to turn it."""
        return self.make("rotated.mp4", "-display_rotation", "90", "-i", str(self.small), "-c", "copy")

    @cached_property
    def odd(self) -> Path:
        return self.filmed("odd.mkv", "321x181", 1, "-c:v", "ffv1", "-pix_fmt", "yuv444p")

    @cached_property
    def odd_vp8(self) -> Path:
        return self.filmed("odd.webm", "321x181", 1, "-c:v", "libvpx", "-deadline", "realtime", "-b:v", "300k")

    @cached_property
    def varying(self) -> Path:
        """A screen recording: 90 pictures at 30 a second, of which many are left out, ever more of them."""
        left_out = ("-vf", "select='not(mod(n,3))+gt(n,45)*not(mod(n,7))'", "-fps_mode", "vfr")
        return self.filmed("varying.mp4", "320x180", 3, *left_out, *_QUICKLY)

    @cached_property
    def anamorphic(self) -> Path:
        """Stored at 240x180 in pixels of 4:3, so that it is seen at 320x180."""
        return self.filmed("anamorphic.mp4", "240x180", 1, "-vf", "setsar=4/3", *_QUICKLY)

    @cached_property
    def high_dynamic_range(self) -> Path:
        """Grey of 100 cd/m², which PQ (SMPTE ST 2084) writes as 0.508 of all there is."""
        colours = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
        grey = (
            "-f",
            "lavfi",
            "-i",
            "color=size=320x180:rate=10:duration=1,format=yuv420p10le,lutyuv=y=509:u=512:v=512",
        )
        return self.make(
            "hdr.mp4", *grey, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", f"log-level=error:{colours}"
        )

    @cached_property
    def interlaced(self) -> Path:
        """As television sends it: 50 half pictures in a second."""
        fields = ("-vf", "interlace=scan=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "3")
        return self.filmed("interlaced.ts", "320x180", 1, *fields, rate="50")

    @cached_property
    def surround(self) -> Path:
        """Six channels, and a voice in the middle one alone."""
        voice = ("-f", "lavfi", "-i", "sine=duration=1,pan=5.1|FC=c0")
        return self.make(
            "surround.mp4", "-t", "1", "-i", str(self.small), *voice, "-map", "0:v", "-map", "1:a", *_QUICKLY
        )

    @cached_property
    def two_languages(self) -> Path:
        """A tone on the first track, and nothing to be heard on the second."""
        silence = ("-f", "lavfi", "-i", "anullsrc=channel_layout=5.1:duration=1")
        tracks = ("-map", "0:v", "-map", "0:a", "-map", "1:a", "-t", "1")
        return self.make("two_languages.mkv", "-i", str(self.small), *silence, *tracks, *_QUICKLY)

    @cached_property
    def long_sound(self) -> Path:
        return self.filmed("long_sound.mp4", "320x180", 3, sound=9)

    @cached_property
    def late_sound(self) -> Path:
        lying, late = ("-i", str(self.small)), ("-itsoffset", "2", "-i", str(self.small))
        return self.make("late_sound.mkv", *lying, *late, "-map", "0:v", "-map", "1:a", "-c", "copy")

    @cached_property
    def browser_recording(self) -> Path:
        """WebM as browsers write it: to a pipe, so that its length is nowhere in it."""
        codecs = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm", "-live", "1")
        return self.make("browser.webm", "-i", str(self.small), *codecs)

    @cached_property
    def with_whereabouts(self) -> Path:
        where = ("-metadata", "location=+52.5200+013.4050/", "-metadata", "artist=Alice Liddell")
        return self.make("whereabouts.mov", "-i", str(self.small), "-c", "copy", *where)

    @cached_property
    def minute(self) -> Path:
        """Long enough to be killed in the middle."""
        return self.make("minute.mp4", "-stream_loop", "19", "-i", str(self.small), "-map", "0:v", "-c", "copy")

    @cached_property
    def sound_alone(self) -> Path:
        return self.make("sound.m4a", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac")

    @cached_property
    def picture(self) -> Path:
        return self.make("picture.png", "-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1")

    @cached_property
    def picture_as_video(self) -> Path:
        return self.make("picture.mp4", "-i", str(self.picture), *_QUICKLY)

    @cached_property
    def sound_with_cover(self) -> Path:
        cover = ("-map", "0", "-map", "1", "-c:a", "copy", "-c:v", "png", "-disposition:v", "attached_pic")
        return self.make("cover.m4a", "-i", str(self.sound_alone), "-i", str(self.picture), *cover)

    def cut_off(self, suffix: str) -> Path:
        """The first half of a file that says how long it should be in its beginning."""
        header = ("-movflags", "+faststart") if suffix == "mp4" else ()
        whole = self.make(f"whole.{suffix}", "-i", str(self.small), "-c", "copy", *header)
        content = whole.read_bytes()
        return self.write(f"cut_off.{suffix}", content[: len(content) // 2])
