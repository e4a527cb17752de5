// RLtools' PPO on its own Pendulum, trained without its evaluation step.
//
//     rltools_ppo ppo Pendulum-v1 16 2048 UPDATES     answers as serve.py does

#include <ctime>
#include <iostream>
#include <string>

#include <rl_tools/operations/cpu_mux.h>
#include <rl_tools/nn/optimizers/adam/instance/operations_generic.h>
#include <rl_tools/nn/operations_cpu_mux.h>
#include <rl_tools/nn/layers/standardize/operations_generic.h>
#include <rl_tools/nn_models/mlp_unconditional_stddev/operations_generic.h>
#include <rl_tools/nn_models/sequential/operations_generic.h>
#include <rl_tools/nn/optimizers/adam/operations_generic.h>
#include <rl_tools/rl/environments/pendulum/operations_cpu.h>
#include <rl_tools/rl/components/on_policy_runner/operations_cpu.h>
#include <rl_tools/rl/algorithms/ppo/loop/core/config.h>
#include <rl_tools/rl/algorithms/ppo/loop/core/operations_generic.h>

namespace rlt = rl_tools;
using Device = rlt::devices::DEVICE_FACTORY<>;
using Rng = Device::SPEC::RANDOM::ENGINE<>;
using Size = Device::index_t;
using Number = rlt::numeric_types::Policy<float>;
using Pendulum = rlt::rl::environments::Pendulum<rlt::rl::environments::pendulum::Specification<
    float, Size, rlt::rl::environments::pendulum::DefaultParameters<float>>>;
constexpr Size ENVIRONMENTS = 16, BATCH = 2048;
constexpr auto TANH = rlt::nn::activation_functions::ActivationFunction::TANH;

struct Settings : rlt::rl::algorithms::ppo::loop::core::DefaultParameters<Number, Size, Pendulum> {
    static constexpr Size STEP_LIMIT = 1000000000, EPISODE_STEP_LIMIT = 200;
    static constexpr Size N_ENVIRONMENTS = ENVIRONMENTS, ON_POLICY_RUNNER_STEPS_PER_ENV = BATCH / ENVIRONMENTS;
    static constexpr Size DATASET_SIZE = BATCH, BATCH_SIZE = 64;
    static constexpr Size ACTOR_HIDDEN_DIM = 64, CRITIC_HIDDEN_DIM = 64;
    static constexpr auto ACTOR_ACTIVATION_FUNCTION = TANH, CRITIC_ACTIVATION_FUNCTION = TANH;
    struct PPO_PARAMETERS : rlt::rl::algorithms::ppo::DefaultParameters<Number, Size, BATCH_SIZE> {
        static constexpr Size N_EPOCHS = 10;
    };
};
using Loop = rlt::rl::algorithms::ppo::loop::core::Config<Number, Size, Rng, Pendulum, Settings>;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void answer(double start) {
    std::cout << "{\"who\": \"RLtools " RLTOOLS_VERSION "\", \"cpu_s\": " << cpu_seconds() - start << "}" << std::endl;
}

int main(int, char **argv) {
    if (argv[2] != std::string("Pendulum-v1") || std::stoul(argv[3]) != ENVIRONMENTS || std::stoul(argv[4]) != BATCH) {
        std::cerr << "it is compiled for Pendulum-v1, 16 environments and batches of 2048" << std::endl;
        return 2;
    }
    const int updates = std::stoi(argv[5]);
    const double begun = cpu_seconds();
    Device device;
    Loop::State<Loop> state;
    rlt::malloc(device, state);
    rlt::init(device, state, 0);
    answer(begun);
    for (std::string line; std::getline(std::cin, line);) {
        const double start = cpu_seconds();
        for (int update = 0; update < updates; ++update) rlt::step(device, state);
        answer(start);
    }
}
