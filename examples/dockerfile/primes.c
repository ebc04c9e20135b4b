#include <stdio.h>
#include <stdlib.h>

/* Prints the prime numbers up to a limit. */
int main(int count, char **arguments)
{
    int limit = count > 1 ? atoi(arguments[1]) : 30;
    for (int number = 2; number <= limit; number++) {
        int factor = 2;
        while (factor * factor <= number && number % factor)
            factor++;
        if (factor * factor > number)
            printf("%d\n", number);
    }
    return 0;
}
