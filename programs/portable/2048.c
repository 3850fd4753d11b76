// SPDX-License-Identifier: MIT
// The game 2048. Slide all tiles with the arrow keys or w, a, s, d; equal tiles that meet become
// one of twice the value. Four parts: the board, the picture, the keyboard, the game.
//
//     2048 [SEED]    the same seed gives the same tiles
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 4, CELLS = SIZE * SIZE, GOAL = 11 }; // 2 to the power of GOAL is 2048

// --- The board ---

struct board {
    uint8_t cells[CELLS]; // the power of two of each tile, 0: no tile
    uint32_t score;
    uint64_t random;
};

enum direction { LEFT, RIGHT, UP, DOWN };

// The xorshift generator of George Marsaglia; its state is never 0.
static uint32_t draw_below(struct board *b, uint32_t limit)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return (uint32_t)((b->random >> 32) * limit >> 32);
}

// The cell at a distance from the edge to which the tiles slide.
static uint8_t *cell_at(struct board *b, enum direction to, int line, int distance)
{
    int along = to == LEFT || to == UP ? distance : SIZE - 1 - distance;
    return &b->cells[to == LEFT || to == RIGHT ? line * SIZE + along : along * SIZE + line];
}

// Slides one line. A tile that was just made does not merge again in the same move.
static bool slide_line(struct board *b, enum direction to, int line)
{
    bool has_moved = false;
    int free_cell = 0; // the nearest to the edge to which a tile may still go
    for (int distance = 1; distance < SIZE; distance++) {
        uint8_t *tile = cell_at(b, to, line, distance);
        uint8_t *target = cell_at(b, to, line, free_cell);
        if (*tile == 0) {
            continue;
        }
        if (*target == *tile) {
            (*target)++;
            b->score += 1u << *target;
            free_cell++;
        } else {
            if (*target != 0) {
                target = cell_at(b, to, line, ++free_cell);
            }
            if (target == tile) {
                continue;
            }
            *target = *tile;
        }
        *tile = 0;
        has_moved = true;
    }
    return has_moved;
}

static bool slide(struct board *b, enum direction to)
{
    bool has_moved = false;
    for (int line = 0; line < SIZE; line++) {
        has_moved |= slide_line(b, to, line);
    }
    return has_moved;
}

// A new tile in a random empty cell: a 4 in one of ten cases, else a 2.
static void add_tile(struct board *b)
{
    uint32_t empty = 0;
    for (int i = 0; i < CELLS; i++) {
        empty += b->cells[i] == 0;
    }
    uint32_t left = draw_below(b, empty);
    for (int i = 0; i < CELLS; i++) {
        if (b->cells[i] == 0 && left-- == 0) {
            b->cells[i] = draw_below(b, 10) == 0 ? 2 : 1;
            return;
        }
    }
}

static bool can_move(const struct board *b)
{
    for (enum direction to = LEFT; to <= DOWN; to++) {
        struct board copy = *b;
        if (slide(&copy, to)) {
            return true;
        }
    }
    return false;
}

static bool has_tile(const struct board *b, uint8_t power)
{
    return memchr(b->cells, power, CELLS) != NULL;
}

// --- The picture ---

static const uint8_t COLOURS[] = {236, 24,  30,  36,  64, 100,
                                  136, 166, 160, 125, 91, 220}; // of xterm's 256, by power

static void print_row(const struct board *b, int row, bool has_numbers)
{
    printf("  ");
    for (int column = 0; column < SIZE; column++) {
        uint8_t power = b->cells[row * SIZE + column];
        char text[8] = "";
        if (has_numbers && power > 0) {
            snprintf(text, sizeof(text), "%u", 1u << power);
        }
        unsigned colour = power > GOAL ? 196 : COLOURS[power];
        printf("\033[48;5;%u;97m%*s%*s\033[0m ", colour, 4 + (int)strlen(text) / 2, text,
               4 - (int)strlen(text) / 2, "");
    }
    printf("\n");
}

static void print_board(const struct board *b, const char *message)
{
    printf("\033[H\033[J\n  2048      score %u\n\n", b->score);
    for (int row = 0; row < SIZE; row++) {
        for (int line = 0; line < 3; line++) {
            print_row(b, row, line == 1);
        }
        printf("\n");
    }
    printf("  %s\n", message);
    fflush(stdout);
}

// --- The keyboard ---

// Asks for each key at once, not for lines (docs/terminal.md). On another system, or without a
// terminal, there is no such file: then a letter and Enter is a move.
static void ask_for_keys(void)
{
    FILE *control = fopen("/dev/ttyctl", "w");
    if (control != NULL) {
        fputs("keys", control);
        fclose(control);
    }
}

// A key: a character, or the last byte of what an arrow key sends, after ESC and [ or O. EOF at the
// end of input.
static int read_key(void)
{
    int c = getchar();
    if (c != '\033') {
        return c;
    }
    c = getchar();
    if (c == '[' || c == 'O') {
        c = getchar();
    }
    return c;
}

static bool is_direction(int key, enum direction *out)
{
    static const char KEYS[] =
        "aDdCwAsB"; // in the order of enum direction, each with the letter of its arrow
    const char *found = key > 0 ? strchr(KEYS, key) : NULL;
    if (found != NULL) {
        *out = (enum direction)((found - KEYS) / 2);
    }
    return found != NULL;
}

// --- The game ---

static const char *message(const struct board *b)
{
    if (!can_move(b)) {
        return "No move is left. q ends the game.";
    }
    return has_tile(b, GOAL) ? "You have made 2048! Go on, or end with q."
                             : "Arrow keys or w a s d; q ends.";
}

static void play(struct board *b)
{
    add_tile(b);
    add_tile(b);
    print_board(b, message(b));
    for (int key = read_key(); key != EOF && key != 'q'; key = read_key()) {
        enum direction to;
        if (is_direction(key, &to) && slide(b, to)) {
            add_tile(b);
            print_board(b, message(b));
        }
    }
    printf("  score %u\n", b->score);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: 2048 [SEED]");
        return 0;
    }
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
    struct board board = {.random = seed * 2 + 1};
    for (int i = 0; i < 20; i++) { // small seeds differ in few bits
        draw_below(&board, 1);
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    ask_for_keys();
    play(&board);
    return 0;
}
