// What readers don't get until the digest is verified. A body whose last byte is missing is no complete answer;
// 32 KiB rather than one byte, so that no client comes near to believing it has all.
export const holdBackBytes: number = 32 * 1024;

/**
 * How many bytes of content that is not verified yet may be read, of `comeBytes` that have come. Where the end is not
 * known it may be here, so the last bytes that came are held back, whichever they are.
 */
export function readableBytes(comeBytes: number, sizeBytes: number | null): number {
  if (sizeBytes === null) return comeBytes - holdBackBytes;
  return Math.min(comeBytes, sizeBytes - holdBackBytes);
}
