/* syntax.h - a compiled template: its tree, and where each name is found when it is rendered.
 *
 * The tree is const once it is made. A frame holds the values of one activation of the template, a
 * macro, the body of a call block or a recursive loop; names are slots of the frame or of one
 * around it (scopes.h).
 */
#ifndef PHIBENCH_ENGINE_JINJA_SYNTAX_H
#define PHIBENCH_ENGINE_JINJA_SYNTAX_H

#include "engine/jinja/builtins.h"
#include "engine/jinja/values.h"

enum jinja_node_kind {
    /* expressions */
    NODE_CONST,
    NODE_NAME,
    NODE_ATTRIBUTE_TARGET, /* namespace.name, assigned to */
    NODE_TUPLE,
    NODE_LIST,
    NODE_DICT, /* keys and values in turn */
    NODE_ATTRIBUTE,
    NODE_ITEM,
    NODE_SLICE, /* list: object, start, stop, step */
    NODE_CALL,
    NODE_FILTER,
    NODE_TEST,
    NODE_NOT,
    NODE_NEGATIVE,
    NODE_POSITIVE,
    NODE_BINARY,
    NODE_AND,
    NODE_OR,
    NODE_CONCAT,
    NODE_COMPARE,   /* list: operands; operators between them */
    NODE_CONDITION, /* value if test else otherwise */
    /* statements */
    NODE_BODY,
    NODE_DATA,
    NODE_OUTPUT,
    NODE_IF,
    NODE_FOR,
    NODE_SET,
    NODE_SET_BLOCK,
    NODE_WITH,
    NODE_MACRO,
    NODE_CALL_BLOCK,
    NODE_FILTER_BLOCK,
    NODE_GENERATION,
    NODE_BREAK,
    NODE_CONTINUE,
};

enum jinja_operator {
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_FLOOR_DIVIDE,
    OPERATOR_MODULO,
    OPERATOR_POWER,
    OPERATOR_EQUAL,
    OPERATOR_UNEQUAL,
    OPERATOR_LESS,
    OPERATOR_LESS_OR_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_OR_EQUAL,
    OPERATOR_IN,
    OPERATOR_NOT_IN,
};

struct jinja_node;

struct jinja_nodes {
    struct jinja_node **items;
    size_t n, capacity;
};

/* The slot of the frame that is `hops` frames out from the running one. */
struct jinja_address {
    size_t hops, slot;
};

/* What a scope does to its slots when it is entered. */
enum jinja_load_action { LOAD_VARIABLE, LOAD_OUTER, LOAD_MISSING };
struct jinja_load {
    enum jinja_load_action action;
    size_t slot;
    struct jinja_address outer;
    const struct jinja_text *name;
};

struct jinja_scope {
    struct jinja_load *loads;
    size_t n, n_slots; /* slots: of the frame, where the scope begins one */
};

struct jinja_call_syntax {
    struct jinja_nodes positional, keyword_values;
    struct jinja_list keyword_names;       /* strings */
    struct jinja_node *star, *double_star; /* *list and **dict, or NULL */
};

/* Parameters of a macro or of a call block's body; the last `defaults.n` have defaults. */
struct jinja_signature {
    struct jinja_nodes names, defaults;
    bool takes_caller, takes_kwargs, takes_varargs; /* the body uses these names */
    bool names_caller;                              /* "caller" is a parameter of its own */
    struct jinja_address caller, kwargs, varargs;
};

struct jinja_node {
    enum jinja_node_kind kind;
    uint32_t at;     /* the byte of the template where it stands */
    uint32_t height; /* of the tree below, bounded */
    union {
        struct jinja_value constant; /* NODE_CONST, NODE_DATA */
        struct {                     /* NODE_NAME, NODE_ATTRIBUTE_TARGET */
            const struct jinja_text *name, *attribute;
            struct jinja_address address;
        };
        struct jinja_nodes list; /* NODE_TUPLE, _LIST, _DICT, _SLICE, _CONCAT, NODE_BODY */
        struct {
            struct jinja_nodes operands;
            enum jinja_operator *operators;
        } compare;
        struct { /* the other expressions; NODE_OUTPUT has a left only */
            struct jinja_node *left, *right, *otherwise;
            struct jinja_call_syntax *arguments; /* NODE_CALL, NODE_FILTER, NODE_TEST */
            const struct jinja_builtin *builtin; /* a filter or test; NULL: unknown to Jinja2 */
            const struct jinja_text *word;       /* its name, or an attribute's */
            enum jinja_operator op;              /* NODE_BINARY */
        };
        struct {
            struct jinja_node *test, *body, *otherwise; /* otherwise: NODE_IF, NODE_BODY or NULL */
        } branch;
        struct {
            struct jinja_node *target, *items, *test, *body, *otherwise;
            bool is_recursive;
            struct jinja_scope loop_scope, test_scope, else_scope;
            struct jinja_address loop_address; /* of "loop", in the loop's frame */
            struct jinja_node *test_target;    /* the target once more, in the test's frame */
        } loop;
        struct { /* NODE_SET, _SET_BLOCK, _FILTER_BLOCK, _GENERATION */
            struct jinja_node *target, *value; /* of blocks: value is the filters, or NULL */
            struct jinja_node *body;
            struct jinja_scope scope;
        } set;
        struct {
            struct jinja_nodes targets, values;
            struct jinja_node *body;
            struct jinja_scope scope;
        } with;
        struct {                           /* NODE_MACRO, NODE_CALL_BLOCK */
            const struct jinja_text *name; /* NULL in a call block */
            struct jinja_address address;  /* where a macro is kept */
            struct jinja_signature signature;
            struct jinja_node *call, *body;
            struct jinja_scope scope;
        } macro;
    };
};

/* Calls `visit` for each node right below this one, in the order in which Jinja2 looks for names;
 * what is below a target has its role. Stops at the first false, and returns it. */
enum jinja_role { ROLE_READ, ROLE_STORED, ROLE_PARAMETER };
typedef bool jinja_visit_fn(void *context, struct jinja_node *node, enum jinja_role role);
bool jinja_visit_children(struct jinja_node *node, enum jinja_role role, jinja_visit_fn *visit,
                          void *context);
/* Whether the body reads the name before it assigns it, if it does at all. */
bool jinja_body_reads(struct jinja_node *body, const char *name);
/* The first node in the statement that assigns the name; NULL if there is none. */
const struct jinja_node *jinja_find_assignment(struct jinja_node *node, const char *name);

/* A compiled template. */
struct jinja {
    struct arena *arena;
    const char *name, *text;
    size_t n_bytes;
    struct jinja_node *body;
    struct jinja_scope scope;
};

#endif
