/** Texts of others on somebody's terminal: what a container wrote about its end may hold sequences that would move the cursor or worse. */

/** The text with control characters as `^[`, `^M` and the like; line ends and tabs stay. */
export const printable = (text: string): string =>
  text.replaceAll(/[^\P{Cc}\n\t]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x20 ? `^${String.fromCodePoint(code + 0x40)}` : `\\x${code.toString(16)}`;
  });
