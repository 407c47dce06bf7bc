"""The sound of a video on its way into an annotated copy."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias, cast

import av
from av.bitstream import BitStreamFilterContext

from mien.recognition.media import beginning, open_media, reason

_COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"})
"""Codecs that players expect in an MP4 file; their packets are copied as they are. Others become AAC."""
_LEAST_MP3_RATE = 16_000
"""FFmpeg writes no slower MP3 into an MP4 file."""
_AAC_RATE = 48_000
"""Sampling rate of new AAC where it cannot have the source's."""
_Packet: TypeAlias = "av.Packet[av.AudioStream]"


class Sound:
    """Hands a source's sound over to another file, as far as the pictures have come.

    Damaged sound ends where it cannot be read on: the pictures matter more.

    Args:
        source: The video whose sound is wanted.
        output: The file it goes into; its header must not be written yet.

    Attributes:
        problem: Why the sound ends early; ``None`` where it does not.

    Raises:
        DataError: The source cannot be opened.
    """

    def __init__(self, source: Path, output: "av.container.OutputContainer") -> None:
        self.problem: str | None = None
        self._container = open_media(source)
        self._shift = beginning(self._container)
        self._packets: Iterator[_Packet] = iter(())
        stream = self._container.streams.best("audio")
        if isinstance(stream, av.AudioStream):
            self._packets = self._prepare(stream, output)
        self._next: _Packet | None = None
        self._step()

    def until(self, time: float) -> Iterator[_Packet]:
        """The packets for the output that begin before a time in seconds; each is handed over once."""
        while self._next is not None and self._next.dts is not None and self._next.dts * self._next.time_base < time:
            yield self._next
            self._step()

    def close(self) -> None:
        """Let go of the source."""
        self._container.close()

    def _step(self) -> None:
        try:
            self._next = next(self._packets, None)
        except av.FFmpegError as error:
            self._next, self.problem = None, f"the sound ends early: {reason(error)}"

    def _prepare(self, stream: av.AudioStream, output: "av.container.OutputContainer") -> Iterator[_Packet]:
        """Add a stream of sound to the output."""
        if stream.codec_context is None:
            self.problem = "without sound: FFmpeg has no decoder for its codec"
            return iter(())
        name = stream.codec_context.codec.canonical_name
        if name in _COPIED and not (name == "mp3" and stream.rate < _LEAST_MP3_RATE):
            return self._copied(stream, output.add_stream_from_template(stream))
        rates = av.Codec("aac", "w").audio_rates or []
        rate = stream.rate if stream.rate in rates else _AAC_RATE
        layout = "mono" if stream.channels == 1 else "stereo"
        return self._encoded(stream, output.add_stream("aac", rate=rate, layout=layout))

    def _copied(self, stream: av.AudioStream, target: av.AudioStream) -> Iterator[_Packet]:
        last = None
        for packet in self._whole(stream, target):
            if packet.dts is None or (last is not None and packet.dts <= last):  # the end, or a step back in time
                continue
            last = packet.dts
            shift = round(self._shift / packet.time_base)
            packet.pts = (packet.dts if packet.pts is None else packet.pts) - shift
            packet.dts -= shift
            packet.stream = target
            yield packet

    def _whole(self, stream: av.AudioStream, target: av.AudioStream) -> Iterator[_Packet]:
        """The source's packets; where each carries a header of its own (AAC in a transport stream), without them."""
        packets = self._container.demux(stream)
        if target.codec_context.codec.canonical_name != "aac" or target.codec_context.extradata:
            yield from packets
            return
        strip = BitStreamFilterContext("aac_adtstoasc", stream)
        for packet in packets:
            for stripped in strip.filter(packet):
                bare = cast(_Packet, stripped)
                if bare.has_sidedata("new_extradata") and not target.codec_context.extradata:
                    # The first packet's header becomes the file's, which is written after it.
                    target.codec_context.extradata = bytes(bare.get_sidedata("new_extradata"))
                yield bare

    def _encoded(self, stream: av.AudioStream, target: av.AudioStream) -> Iterator[_Packet]:
        for frame in self._alike(stream, target):
            yield from target.encode(frame)
        yield from target.encode(None)

    def _alike(self, stream: av.AudioStream, target: av.AudioStream) -> Iterator[av.AudioFrame]:
        """The source's sound as the target wants it, also where the source changes, say from stereo to mono."""
        resampler, kind = av.AudioResampler(), ("", "", 0)
        for packet in self._container.demux(stream):
            for frame in packet.decode():
                if frame.pts is not None and frame.time_base is not None:
                    frame.pts -= round(self._shift / frame.time_base)
                if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
                    yield from resampler.resample(None)
                    kind = frame.format.name, frame.layout.name, frame.sample_rate
                    resampler = av.AudioResampler(target.format, target.layout, target.rate)
                yield from resampler.resample(frame)
        yield from resampler.resample(None)
