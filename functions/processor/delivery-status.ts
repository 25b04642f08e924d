/** What a push is answered. Protocol: contract §3. */
export type DeliveryStatus = typeof ack | typeof noRoom | typeof unavailable;

/** Everything due is confirmed. */
export const ack = 204;
/** There is no room, or it is too early. */
export const noRoom = 429;
/** Something that the message needs is out, or the process ends. */
export const unavailable = 503;
