import java.util.stream.Stream;
import org.apache.commons.beanutils.BeanUtilsBean;
import org.apache.commons.beanutils.ConvertUtilsBean;
import software.amazon.kinesis.multilang.config.FanoutConfigBean;
import software.amazon.kinesis.multilang.config.MultiLangDaemonConfiguration;

/** Prints the names that the daemon's configuration takes from a properties file. */
public class WritableProperties {
    public static void main(String[] arguments) {
        ConvertUtilsBean convert = new ConvertUtilsBean();
        BeanUtilsBean beans = new BeanUtilsBean(convert);
        print(beans, new MultiLangDaemonConfiguration(beans, convert), "");
        print(beans, new FanoutConfigBean(), "fanoutConfig.");
    }

    private static void print(BeanUtilsBean beans, Object bean, String prefix) {
        Stream.of(beans.getPropertyUtils().getPropertyDescriptors(bean))
                .filter(property -> property.getWriteMethod() != null)
                .forEach(property -> System.out.println("key " + prefix + property.getName()));
    }
}
