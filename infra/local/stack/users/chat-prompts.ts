/** What the simulated users ask, one after another. */
export const chatPrompts: readonly string[] = [
  'My sourdough rises well but the crumb stays dense. What should I change first?',
  'Explain to a ten-year-old why the sky is blue and the sunset is red.',
  'I have two free days in Lisbon in November. What is worth seeing when it rains?',
  'What is the difference between a mutex and a semaphore? One example each, please.',
  'Suggest a strength routine for someone with twenty minutes and no equipment.',
  'How do I tell a colleague kindly that the code review comments feel harsh?',
  'Which indoor plants survive a dark hallway and a forgetful owner?',
  'Write a short toast for a friend who is moving to the coast.',
  'Why does my laptop fan get loud as soon as I join a video call?',
  'Compare renting and buying a flat for someone who may move in four years.',
  'What happens inside a lithium battery when it gets cold?',
  'Give me three dinner ideas with chickpeas, spinach and not much time.',
];

/** What every chat begins with: a prefix that caches can share. */
export const systemPrompt =
  'You are the assistant of a small public library. Answer in plain words, briefly, and say so when you are not sure.';
