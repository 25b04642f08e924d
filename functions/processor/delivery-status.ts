/** What a push is answered. Protocol: contract §3. */
export type DeliveryStatus = typeof ack | typeof noRoom | typeof unavailable;

/** Everything due is confirmed. Protocol: contract §3. */
export const ack = 204;
/** There is no room, or it is too early. Protocol: contract §3. */
export const noRoom = 429;
/** Something that the message needs is out, or the process ends. Protocol: contract §3. */
export const unavailable = 503;
