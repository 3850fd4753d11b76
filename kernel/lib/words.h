// SPDX-License-Identifier: MIT
//
// Splits text into words: blanks separate, quotes and backslash group.
#pragma once

/** @brief The first character from p on that is not a blank. @context{any} */
char *words_skip_blanks(char *p);

/**
 * @brief Cut out a word and remove its quoting in place.
 * @param p     Its first character.
 * @param word  Receives a pointer into the text.
 * @return The start of the rest. @context{any}
 */
char *words_cut(char *p, char **word);

/**
 * @brief Split a program's argument string into words.
 * @param text Changed in place.
 * @param argv Receives pointers into text.
 * @return Number of words; E_OVERFLOW as a negative number if there are more than max.
 * @context{any}
 */
int words_split(char *text, char **argv, int max);
