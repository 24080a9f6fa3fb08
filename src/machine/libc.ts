import { dlopen, type FFIFunction } from 'bun:ffi'

/**
 * Functions of the C library: glibc, or else musl.
 * @throws Error when there is neither
 */
export function libc<F extends Record<string, FFIFunction>>(symbols: F) {
  try {
    return dlopen('libc.so.6', symbols).symbols
  } catch {
    return dlopen(`libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`, symbols).symbols
  }
}
