import { dlopen, type FFIFunction } from 'bun:ffi'

/** Calls of the C library: glibc's, else musl's. @throws Error where there is neither */
export function libc<F extends Record<string, FFIFunction>>(symbols: F) {
  try {
    return dlopen('libc.so.6', symbols).symbols
  } catch {
    return dlopen(`libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`, symbols).symbols
  }
}
