/**
 * JSON whose numbers arrive as text, digit for digit.
 *
 * The stream carries prices as JSON numbers; JSON.parse alone would turn them into floats. Each number token outside a
 * string is put in quotes before parsing, so every number comes out as a string.
 */

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function parseExact(text) {
  return JSON.parse(text.replace(TOKEN, (token) => (token[0] === '"' ? token : `"${token}"`)));
}
