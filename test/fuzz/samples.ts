/** A camera as its description has it, with pictures and sound that can be carried. */
export const CAMERA = `v=0\r
o=- 1 1 IN IP4 10.0.0.1\r
s=Media Presentation\r
t=0 0\r
a=control:*\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=framerate:25.0\r
a=fmtp:96 packetization-mode=1; profile-level-id=4D001E; sprop-parameter-sets=Z00AHp2oKAv+VA==,aO48gA==\r
a=control:trackID=1\r
m=audio 0 RTP/AVP 104\r
a=rtpmap:104 mpeg4-generic/16000/1\r
a=fmtp:104 profile-level-id=15; mode=AAC-hbr; config=1408; SizeLength=13; IndexLength=3; IndexDeltaLength=3\r
a=control:trackID=2\r
`;

export const PLAYLISTS: readonly string[] = [
  `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:12
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"
#EXT-X-KEY:METHOD=AES-128,URI="key.bin",IV=0x000102030405060708090a0b0c0d0e0f
#EXTINF:6.006,
#EXT-X-BYTERANGE:4096@720
all.m4s
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:00.000Z
#EXT-X-GAP
#EXTINF:5.994,a title
next.m4s
#EXT-X-PART:DURATION=1.5,URI="part.m4s",INDEPENDENT=YES
`,
  `#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",DEFAULT=YES,URI="audio/list.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2500000,AVERAGE-BANDWIDTH=2200000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="a"
high/list.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS="avc1.4d401e,mp4a.40.2",RESOLUTION=640x360
low/list.m3u8
`,
  `#EXTM3U
#EXT-X-TARGETDURATION:10
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:9.9,
one.ts
#EXTINF:3,
two.ts
#EXT-X-ENDLIST
`,
];
