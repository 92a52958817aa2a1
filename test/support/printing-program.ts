export type Architecture = "amd64" | "arm64";

interface Machine {
  /** `e_machine` of the ELF header. */
  readonly elfMachine: number;
  /** The code, which ends where the `lengthBytes` bytes of the message begin. */
  readonly code: (lengthBytes: number) => Buffer;
}

const machines: Readonly<Record<Architecture, Machine>> = {
  amd64: { elfMachine: 0x3e, code: amd64Code },
  arm64: { elfMachine: 0xb7, code: arm64Code },
};

/**
 * A program for any Linux of the architecture, without libc, shell or linker: it writes `message` to its
 * standard output and exits with 0. A static ELF file of one segment, so that an image of one small file
 * can be run.
 */
export function printingProgram(architecture: Architecture, message: string): Buffer {
  const { elfMachine, code } = machines[architecture];
  const text = Buffer.from(message);
  const body = Buffer.concat([code(text.length), text]);
  return Buffer.concat([elfHeader(elfMachine), segmentHeader(body.length), body]);
}

const elfHeaderBytes = 64;
const segmentHeaderBytes = 56;
const codeOffset = elfHeaderBytes + segmentHeaderBytes;

// Where linkers put a program that is not relocated; any address above the lowest pages would do.
const loadAddress = 0x400000;

// The largest page that arm64 kernels use. A segment's address and offset must agree modulo this.
const alignment = 0x10000;

// System V ABI, "ELF Header", 64 bit.
function elfHeader(machine: number): Buffer {
  const header = Buffer.alloc(elfHeaderBytes);
  header.write("\x7fELF");
  header.set([2, 1, 1], 4); // 64 bit, little endian, version 1
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20); // version 1 again
  header.writeBigUInt64LE(BigInt(loadAddress + codeOffset), 24); // the first instruction
  header.writeBigUInt64LE(BigInt(elfHeaderBytes), 32); // where the segment headers are
  header.writeUInt16LE(elfHeaderBytes, 52);
  header.writeUInt16LE(segmentHeaderBytes, 54);
  header.writeUInt16LE(1, 56); // of which there is one
  return header;
}

// System V ABI, "Program Header", 64 bit: the whole file, headers too, goes into memory at the load address.
function segmentHeader(bodyBytes: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes);
  const fileBytes = BigInt(codeOffset + bodyBytes);
  header.writeUInt32LE(1, 0); // to be loaded
  header.writeUInt32LE(5, 4); // readable and executable
  header.writeBigUInt64LE(BigInt(loadAddress), 16);
  header.writeBigUInt64LE(BigInt(loadAddress), 24);
  header.writeBigUInt64LE(fileBytes, 32);
  header.writeBigUInt64LE(fileBytes, 40);
  header.writeBigUInt64LE(BigInt(alignment), 48);
  return header;
}

function amd64Code(lengthBytes: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(lengthBytes);
  return Buffer.from([
    ...[0xb8, 1, 0, 0, 0], //                 mov eax, 1           write
    ...[0xbf, 1, 0, 0, 0], //                 mov edi, 1           to standard output
    ...[0x48, 0x8d, 0x35, 16, 0, 0, 0], //    lea rsi, [rip + 16]  the message, 16 bytes from here
    ...[0xba, ...length], //                  mov edx, length
    ...[0x0f, 0x05], //                       syscall
    ...[0xb8, 60, 0, 0, 0], //                mov eax, 60          exit
    ...[0x31, 0xff], //                       xor edi, edi         with 0
    ...[0x0f, 0x05], //                       syscall
  ]);
}

function arm64Code(lengthBytes: number): Buffer {
  const instructions = [
    0xd2800808, //                     mov x8, #64       write
    0xd2800020, //                     mov x0, #1        to standard output
    0x100000c1, //                     adr x1, . + 24    the message, six instructions from here
    0xd2800002 + lengthBytes * 32, //  mov x2, #length   16 bits, from bit 5 on
    0xd4000001, //                     svc #0
    0xd2800ba8, //                     mov x8, #93       exit
    0xd2800000, //                     mov x0, #0        with 0
    0xd4000001, //                     svc #0
  ];
  const code = Buffer.alloc(instructions.length * 4);
  for (const [at, instruction] of instructions.entries()) code.writeUInt32LE(instruction, at * 4);
  return code;
}
