/* test_queue.c - a bounded queue between threads.
 *
 * Waiting is tested by what must have happened, never by how long it took.
 */
#include "base/queue.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

static void queue_is_first_in_first_out(void **state)
{
    (void)state;
    int items[5];
    struct queue *queue = queue_new(3, NULL);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) assert_true(queue_push(queue, &items[i]));
        for (int i = 0; i < 3; i++) assert_ptr_equal(queue_pop(queue), &items[i]);
    }
    assert_true(queue_push(queue, &items[0]));
    assert_true(queue_push(queue, &items[1]));
    assert_ptr_equal(queue_pop(queue), &items[0]);
    assert_true(queue_push(queue, &items[2]));
    assert_true(queue_push(queue, &items[3]));
    for (int i = 1; i < 4; i++) assert_ptr_equal(queue_pop(queue), &items[i]);
    queue_free(queue);
    queue_free(NULL);
}

static void queue_close_drains_and_then_ends(void **state)
{
    (void)state;
    int items[3];
    struct queue *queue = queue_new(3, NULL);
    assert_true(queue_push(queue, &items[0]));
    assert_true(queue_push(queue, &items[1]));
    queue_close(queue);
    assert_false(queue_push(queue, &items[2]));
    assert_ptr_equal(queue_pop(queue), &items[0]);
    assert_ptr_equal(queue_pop(queue), &items[1]);
    assert_null(queue_pop(queue));
    assert_null(queue_pop(queue));
    queue_free(queue);
}

static void queue_of_no_capacity_holds_one(void **state)
{
    (void)state;
    int item;
    struct queue *queue = queue_new(0, NULL);
    assert_true(queue_push(queue, &item));
    assert_ptr_equal(queue_pop(queue), &item);
    queue_free(queue);
}

static void *pop_one(void *queue)
{
    return queue_pop(queue);
}

static void queue_close_wakes_who_waits_for_items(void **state)
{
    (void)state;
    struct queue *queue = queue_new(1, NULL);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pop_one, queue), 0);
    queue_close(queue);
    for (int i = 0; i < 3; i++) {
        void *item;
        pthread_join(threads[i], &item);
        assert_null(item);
    }
    queue_free(queue);
}

static void *push_one(void *queue)
{
    static int item;
    return queue_push(queue, &item) ? &item : NULL;
}

static void queue_close_wakes_who_waits_for_room(void **state)
{
    (void)state;
    int first;
    struct queue *queue = queue_new(1, NULL);
    assert_true(queue_push(queue, &first));
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_one, queue), 0);
    queue_close(queue);
    for (int i = 0; i < 3; i++) {
        void *pushed;
        pthread_join(threads[i], &pushed);
        assert_null(pushed);
    }
    assert_ptr_equal(queue_pop(queue), &first);
    queue_free(queue);
}

enum { N_ITEMS = 20000, N_PUSHERS = 3, N_POPPERS = 3 };

struct traffic {
    struct queue *queue;
    unsigned char times_popped[N_PUSHERS][N_ITEMS]; /* each written by who popped it */
};

struct pusher {
    struct traffic *traffic;
    int i_pusher;
};

static void *push_many(void *argument)
{
    struct pusher *pusher = argument;
    for (int i = 0; i < N_ITEMS; i++)
        if (!queue_push(pusher->traffic->queue,
                        &pusher->traffic->times_popped[pusher->i_pusher][i]))
            return pusher;
    return NULL;
}

static void *pop_many(void *argument)
{
    struct traffic *traffic = argument;
    for (unsigned char *item; (item = queue_pop(traffic->queue));) (*item)++;
    return NULL;
}

static void queue_hands_every_item_over_exactly_once(void **state)
{
    (void)state;
    struct traffic *traffic = calloc(1, sizeof *traffic);
    assert_non_null(traffic);
    traffic->queue = queue_new(7, NULL);
    pthread_t pushers[N_PUSHERS], poppers[N_POPPERS];
    struct pusher arguments[N_PUSHERS];
    for (int i = 0; i < N_PUSHERS; i++) {
        arguments[i] = (struct pusher){traffic, i};
        assert_int_equal(pthread_create(&pushers[i], NULL, push_many, &arguments[i]), 0);
    }
    for (int i = 0; i < N_POPPERS; i++)
        assert_int_equal(pthread_create(&poppers[i], NULL, pop_many, traffic), 0);
    for (int i = 0; i < N_PUSHERS; i++) {
        void *failed;
        pthread_join(pushers[i], &failed);
        assert_null(failed);
    }
    queue_close(traffic->queue);
    for (int i = 0; i < N_POPPERS; i++) pthread_join(poppers[i], NULL);
    for (int i = 0; i < N_PUSHERS; i++)
        for (int j = 0; j < N_ITEMS; j++) assert_int_equal(traffic->times_popped[i][j], 1);
    queue_free(traffic->queue);
    free(traffic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_is_first_in_first_out),
        cmocka_unit_test(queue_close_drains_and_then_ends),
        cmocka_unit_test(queue_of_no_capacity_holds_one),
        cmocka_unit_test(queue_close_wakes_who_waits_for_items),
        cmocka_unit_test(queue_close_wakes_who_waits_for_room),
        cmocka_unit_test(queue_hands_every_item_over_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
