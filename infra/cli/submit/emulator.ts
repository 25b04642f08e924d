import { connect } from 'node:net';

/**
 * The client retries an address where nothing listens for ten minutes in silence; this asks once.
 * @throws {Error} that names the address
 */
export async function requireEmulator(hostAndPort: string): Promise<void> {
  const url = new URL(`http://${hostAndPort}`);
  const socket = connect(Number(url.port || 80), url.hostname);
  try {
    await new Promise<void>((connected, failed) => socket.once('connect', connected).once('error', failed));
  } catch (error) {
    throw new Error(`nothing answers at PUBSUB_EMULATOR_HOST=${hostAndPort}: ${(error as Error).message}`);
  } finally {
    socket.destroy();
  }
}
