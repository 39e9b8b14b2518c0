// SPDX-License-Identifier: MIT OR Apache-2.0
// Data of every kind: strings, pointers to and in data, zeroed variables.
struct node {
    struct node *next;
    int value;
};

extern struct node third;
static struct node second = { &third, 20 };
struct node third = { 0, 30 };
static struct node first = { &second, 10 };

static const char *const names[] = { "one", "three", "one" };
static int zeroed[4];
static short numbers[] = { 1, 2, 3 };
static const char unused[1000] = { 1 };
int common;

static int length(const char *text)
{
    int count = 0;
    while (text[count]) {
        count++;
    }
    return count;
}

unsigned long entry(const unsigned *context)
{
    int sum = 0;
    for (struct node *node = &first; node; node = node->next) {
        sum += node->value;
    }
    zeroed[context[0] & 3] += 5;
    first.value++;
    common++;
    numbers[context[0] & 1] = 7;
    if (context[0] == 99) {
        return unused[context[1]];
    }
    return 0x500000000 + sum * 1000 + length(names[context[0] & 1]) * 100 +
           zeroed[0] + zeroed[1] + common + numbers[0] + numbers[1] + numbers[2];
}
