"""Small videos, made by PyAV directly, so that reading and writing are tested apart."""

from fractions import Fraction

import av
import numpy as np

SIZE = 48, 32
"""Width and height."""
RATE = 30
TICK = Fraction(1, 1000)
SOUND_RATE = 48_000


def pictures(count, seed=0, size=SIZE):
    """Pictures that all differ, coarse enough for any codec: (count, H, W, 3) uint8."""
    width, height = size
    blocks = np.random.default_rng(seed).integers(0, 256, (count, height // 8, width // 8, 3), np.uint8)
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


def make_video(
    path,
    images,
    times=None,
    codec="libx264",
    *,
    sound=None,
    layout="mono",
    rate=SOUND_RATE,
    adapt=None,
    fmt=None,
    flags="",
    aspect=None,
):
    """A video of these images.

    Args:
        path: Where to.
        images: (N, H, W, 3) uint8 RGB.
        times: Seconds of each; 30 a second by default.
        codec: ``ffv1`` (in .mkv or .avi) is lossless, with ``libx264`` colours change a little.
        sound: Codec of a rising tone beside the pictures; ``None``: no sound.
        layout: Of the sound's channels.
        rate: Of the sound, samples a second.
        adapt: Called with the video stream before anything is written.
        fmt: FFmpeg's name of the file's format, where the suffix does not tell.
        flags: ``movflags`` of an MP4 file.
        aspect: Width of a pixel by its height.
    """
    times = [index / RATE for index in range(len(images))] if times is None else times
    with av.open(str(path), "w", format=fmt, container_options={"movflags": flags} if flags else {}) as container:
        stream = container.add_stream(codec, RATE, {"preset": "ultrafast"} if codec == "libx264" else {})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        stream.codec_context.time_base, stream.codec_context.max_b_frames, stream.gop_size = TICK, 0, 10
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if adapt is not None:
            adapt(stream)
        tone = container.add_stream(sound, rate, layout=layout) if sound else None
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = round(time / TICK), TICK
            container.mux(stream.encode(frame))
            if tone is not None:
                container.mux(tone.encode(tone_of(time)))
        container.mux(stream.encode(None))
        if tone is not None:
            container.mux(tone.encode(None))
    return path


def tone_of(time):
    """A 30th of a second of sound, beginning at a time in seconds."""
    start = round(time * SOUND_RATE)
    seconds = (start + np.arange(SOUND_RATE // RATE)) / SOUND_RATE % 10  # begins anew, or it would be too high to hear
    samples = (8000 * np.sin(2 * np.pi * (440 + 100 * seconds) * seconds)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
    return frame


def make_sound(path, seconds=1.0, codec="aac"):
    """A file of sound alone."""
    with av.open(str(path), "w") as container:
        tone = container.add_stream(codec, SOUND_RATE, layout="mono")
        for index in range(round(seconds * RATE)):
            container.mux(tone.encode(tone_of(index / RATE)))
        container.mux(tone.encode(None))
    return path


def sound_of(path):
    """The codec of a file's sound; ``None`` where it has none."""
    with av.open(str(path)) as container:
        return next((stream.codec_context.codec.canonical_name for stream in container.streams.audio), None)


def cut(path, share):
    """The same file, cut off after this share of its bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path
